// app-mono: -r:H.dll
module UsesHelper

[<EntryPoint>]
let main _ =
    SR.PV.SetS("$var(seen)", H.Version()) |> ignore
    0
