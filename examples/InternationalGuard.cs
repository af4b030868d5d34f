// Refuses calls to countries that are not on a list. Toll fraud usually goes to countries that nobody here calls.
//
// Routing script:  if (!mono_exec("/etc/kamailio/mono/InternationalGuard.exe", "44,49,33")) { sl_send_reply("403", "Forbidden"); exit; }
// Try it:          app-mono exec examples/InternationalGuard.cs 49,33 --message examples/messages/international.sip
using System;

public static class InternationalGuard
{
    private const int Allowed = 0;
    private const int Refused = 1;

    public static int Main(string[] args)
    {
        string number = SR.PV.GetS("$rU") ?? "";
        string digits = number.StartsWith("+") ? number.Substring(1)
            : number.StartsWith("00") ? number.Substring(2)
            : null;
        if (digits == null)
        {
            SR.Core.Dbg("not an international number: " + number + "\n");
            return Allowed;
        }

        // Whatever runs after this script sees one form of the number.
        SR.PV.SetS("$rU", "+" + digits);

        string[] countries = args.Length == 1 ? args[0].Split(',') : new string[0];
        foreach (string country in countries)
        {
            if (country.Length > 0 && digits.StartsWith(country, StringComparison.Ordinal))
            {
                SR.Core.Log(2, "allowed: +" + digits + " by prefix " + country + "\n");
                return Allowed;
            }
        }
        SR.Core.Log(1, "refused: " + SR.PV.GetS("$fu") + " called +" + digits + "\n");
        SR.HDR.AppendToReply("Reason: Q.850;cause=21;text=\"Call Rejected\"\r\n");
        return Refused;
    }
}
