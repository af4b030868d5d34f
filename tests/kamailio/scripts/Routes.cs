// What a site does with app_mono: looks a number up, stamps headers, remembers, decides.
using System.Collections.Generic;
using SR;

class Routes
{
    static readonly Dictionary<string, string> Numbers = new Dictionary<string, string>
    {
        { "bob", "sip:4912345@example.net" }, { "carol", null }
    };

    static int _runs;

    static int Main(string[] args)
    {
        _runs++;
        string user = PV.GetS("$rU");
        Core.Log(1, "run " + _runs + " in " + (args.Length == 0 ? "nothing" : "[" + args[0] + "]") + " for " + user + "\n");
        string known;
        if (user == null || !Numbers.TryGetValue(user, out known))
        {
            Core.Err("unknown: " + user + "\n");
            return 404;
        }
        HDR.Append("X-Run: " + _runs + "\r\n");
        if (known == null)
        {
            HDR.AppendToReply("Reason: SIP;cause=503\r\n");
            return 1;
        }
        HDR.Insert("X-First: " + PV.GetS("$ci") + "\r\n");
        HDR.Remove("Subject");
        HDR.AppendToReply("X-Reply: ok\r\n");
        return PV.SetS("$ru", known);
    }
}
