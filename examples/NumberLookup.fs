// Looks up the called number in a table and redirects the caller: 302 with a Contact, or 404 for an unknown number.
// The table has a line for each number: NUMBER SIP-URI. It is read again when it has changed.
//
// Try it: app-mono exec examples/NumberLookup.fs $PWD/examples/numbers.txt --message examples/messages/invite.sip
// NumberLookup.cs has the lines for a SIP server and for Kamailio's routing script.
module NumberLookup

open System
open System.IO
open SR

let yes, no = 0, 1

// Mutable values of a module live from call to call.
let mutable numbers: Map<string, string> = Map.empty
let mutable written = DateTime.MinValue

let answer (code: int) (reason: string) =
    PV.SetI("$var(code)", code) |> ignore
    PV.SetS("$var(reason)", reason) |> ignore
    no

let refresh table =
    let now = File.GetLastWriteTimeUtc table
    if now <> written then
        numbers <-
            File.ReadAllLines table
            |> Seq.map (fun line -> line.Split([| ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries))
            |> Seq.choose (function
                | [| number; target |] -> Some(number, target)
                | _ -> None)
            |> Map.ofSeq
        written <- now

let redirect number =
    match numbers.TryFind number with
    | Some target ->
        HDR.AppendToReply(sprintf "Contact: <%s>\r\n" target) |> ignore
        answer 302 "Moved Temporarily"
    | None ->
        Core.Log(1, sprintf "unknown number: %s\n" number) |> ignore
        answer 404 "Not Found"

[<EntryPoint>]
let main args =
    match args, PV.GetS "$rm" with
    | [| table |], ("INVITE" | "OPTIONS") ->
        refresh table
        redirect (PV.GetS "$rU" |> Option.ofObj |> Option.defaultValue "")
    | [| _ |], "ACK" -> yes
    // A caller that was redirected ends the call at its new place, not here.
    | [| _ |], _ -> answer 481 "Call/Transaction Does Not Exist"
    | _ ->
        Core.Err "NumberLookup: expected the table's path as its argument\n" |> ignore
        answer 500 "Server Internal Error"
