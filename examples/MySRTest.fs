module Test

open SR

[<EntryPoint>]
let main args =
    Core.Log(1, "Kamailio API Version: " + Core.APIVersion() + "\n") |> ignore
    if args.Length = 1 then
        Core.Log(1, "Parameter from Kamailio config: " + args.[0] + "\n") |> ignore
    Core.Dbg("Request URI is: " + PV.GetS("$ru") + "\n") |> ignore
    PV.SetS("$rU", "123") |> ignore
    HDR.AppendToReply("My-Mono-Hdr: ok\r\n") |> ignore
    1
