// Rejects well-known SIP scanners, and counts how many it has seen since its worker started.
//
// Routing script:  if (!mono_exec("/etc/kamailio/mono/ScannerFilter.exe")) { drop; }
// Try it:          app-mono exec examples/ScannerFilter.cs --message examples/messages/scanner.sip
using System;
using System.Text.RegularExpressions;

public static class ScannerFilter
{
    private static readonly Regex Scanner = new Regex(
        "friendly-scanner|sipvicious|sipcli|sip-scan|VaxSIPUserAgent|pplsip",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    // A worker keeps its statics from call to call (statics = "kept"); each worker has a count of its own.
    private static int _seen;

    public static int Main()
    {
        string agent = SR.PV.GetS("$ua") ?? "";
        string caller = SR.PV.GetS("$fu") ?? "";
        if (!Scanner.IsMatch(agent) && !Scanner.IsMatch(SR.PV.GetS("$hdr(From)") ?? ""))
        {
            return 0;
        }
        _seen++;
        SR.Core.Log(0, String.Format("scanner {0} from {1}:{2} as {3}, number {4} here\n",
            agent, SR.PV.GetS("$si"), SR.PV.GetS("$sp"), caller, _seen));
        return 1;
    }
}
