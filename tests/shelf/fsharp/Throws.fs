module Throws

open SR

[<EntryPoint>]
let main _ =
    PV.SetS("$var(x)", "set before") |> ignore
    raise (System.InvalidOperationException "boom")
