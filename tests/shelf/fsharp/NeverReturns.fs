module NeverReturns

[<EntryPoint>]
let main _ =
    SR.Core.Log(1, "last words") |> ignore
    while true do
        ()
    0
