// Looks up the called number in a table and redirects the caller: 302 with a Contact, or 404 for an unknown number.
// The table has a line for each number: NUMBER SIP-URI. It is read again when it has changed.
//
// Try it:          app-mono exec examples/NumberLookup.cs $PWD/examples/numbers.txt --message examples/messages/invite.sip
// As a SIP server: app-mono serve --sip udp:127.0.0.1:5060 --exec examples/NumberLookup.cs \
//                      --param $PWD/examples/numbers.txt --on-false 'reply:$var(code):$var(reason)'
// Routing script:  if (!mono_exec("/etc/kamailio/mono/NumberLookup.exe", "/etc/kamailio/numbers.txt")) { sl_send_reply("$var(code)", "$var(reason)"); exit; }
using System;
using System.Collections.Generic;
using System.IO;

public static class NumberLookup
{
    private const int True = 0;
    private const int False = 1;

    // Statics live from call to call.
    private static Dictionary<string, string> numbers = new Dictionary<string, string>();
    private static DateTime written = DateTime.MinValue;

    public static int Main(string[] args)
    {
        if (args.Length != 1)
        {
            SR.Core.Err("NumberLookup: expected the table's path as its argument\n");
            return Answer(500, "Server Internal Error");
        }
        string method = SR.PV.GetS("$rm");
        if (method == "ACK")
        {
            return True;
        }
        if (method != "INVITE" && method != "OPTIONS")
        {
            // A caller that was redirected ends the call at its new place, not here.
            return Answer(481, "Call/Transaction Does Not Exist");
        }
        Refresh(args[0]);
        string number = SR.PV.GetS("$rU") ?? "";
        string target;
        if (!numbers.TryGetValue(number, out target))
        {
            SR.Core.Log(1, "unknown number: " + number + "\n");
            return Answer(404, "Not Found");
        }
        SR.HDR.AppendToReply("Contact: <" + target + ">\r\n");
        return Answer(302, "Moved Temporarily");
    }

    private static int Answer(int code, string reason)
    {
        SR.PV.SetI("$var(code)", code);
        SR.PV.SetS("$var(reason)", reason);
        return False;
    }

    private static void Refresh(string table)
    {
        DateTime now = File.GetLastWriteTimeUtc(table);
        if (now == written)
        {
            return;
        }
        var read = new Dictionary<string, string>();
        foreach (string line in File.ReadAllLines(table))
        {
            string[] words = line.Split(new[] { ' ', '\t' }, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 2)
            {
                read[words[0]] = words[1];
            }
        }
        numbers = read;
        written = now;
    }
}
