module SaysItsBuild

[<EntryPoint>]
let main _ =
    SR.PV.SetS("$var(seen)", "GEN00000") |> ignore
    0
