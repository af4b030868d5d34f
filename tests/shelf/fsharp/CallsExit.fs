module CallsExit

[<EntryPoint>]
let main args =
    SR.Core.Log(1, "before exit") |> ignore
    exit (int args.[0])
