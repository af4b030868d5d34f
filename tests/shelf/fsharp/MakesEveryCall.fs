module MakesEveryCall

open SR

[<EntryPoint>]
let main _ =
    Core.Log(1, "log") |> ignore
    Core.Err "err" |> ignore
    Core.Dbg "dbg" |> ignore
    let got: obj[] =
        [| Core.APIVersion(); PV.GetS "$rU"; PV.GetI "$var(n)"; PV.SetS("$rU", "123"); PV.SetI("$var(n)", 5)
           PV.GetI "$var(n)"; PV.Unset "$avp(x)"; PV.IsNull "$avp(x)"; PV.IsNull "$nonsense"
           HDR.Append "X-A: 1\r\n"; HDR.Insert "X-I: 1\r\n"; HDR.Remove "Max-Forwards"
           HDR.AppendToReply "X-R: 1\r\n"; Core.ModF "no_such_function" |]
    PV.SetS("$var(got)", System.String.Join(" ", got)) |> ignore
    0
