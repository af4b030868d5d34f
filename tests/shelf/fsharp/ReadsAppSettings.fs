// app-mono: -r:System.Configuration.dll
module ReadsAppSettings

open System.Configuration

[<EntryPoint>]
let main _ =
    let value = ConfigurationManager.AppSettings.["key"]
    SR.PV.SetS("$var(got)", (if isNull value then "null" else value)) |> ignore
    0
