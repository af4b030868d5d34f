// Uses every kind of call; Speaks.py, Speaks.js and Speaks.java do the same, line by line.
using SR;

class Speaks
{
    static void Tell(string name, object value)
    {
        Core.Log(1, name + ": " + (value ?? "null") + "\n");
    }

    public static int Main(string[] args)
    {
        Tell("argument", args.Length == 0 ? "none" : args[0]);
        foreach (string name in new[] { "$rm", "$ru", "$rU", "$fu", "$ci", "$cs", "$si", "$ua", "$hdr(Subject)", "$hdr(X-Bytes)", "$var(old)", "$nothing" })
        {
            Tell(name, PV.GetS(name));
        }
        Tell("integers", PV.GetI("$cs") + " " + PV.GetI("$rU") + " " + PV.GetI("$nothing"));
        Tell("nulls", PV.IsNull("$ua") + " " + PV.IsNull("$rU") + " " + PV.IsNull("$nothing"));

        string odd = PV.GetS("$hdr(X-Bytes)") ?? "none";
        Tell("set", PV.SetS("$rU", "new") + " " + PV.SetS("$var(odd)", odd) + " " + PV.SetI("$var(number)", -7));
        Tell("not set", PV.SetS("$nothing", "x") + " " + PV.SetS("$si", "x") + " " + PV.SetI("$nothing", 1) + " " + PV.SetS("$ru", "\udc80\ud800"));
        Tell("set again", PV.SetS("$avp(kept)", "one") + " " + PV.SetS("$var(gone)", "two") + " " + PV.Unset("$var(gone)") + " " + PV.Unset("$nothing"));
        foreach (string name in new[] { "$ru", "$rU", "$var(odd)", "$var(number)", "$avp(kept)", "$var(gone)" })
        {
            Tell(name, PV.GetS(name));
        }
        Tell("headers", HDR.Append("X-Odd: <" + odd + ">\r\n") + " " + HDR.Insert("X-First: " + PV.GetS("$ci") + "\r\n") + " " + HDR.Remove("Subject") + " " + HDR.AppendToReply("X-Reply: " + odd + "\r\n"));
        Tell("no headers", HDR.Append("no header") + " " + HDR.Remove("X-Not-There") + " " + HDR.Append(""));
        Tell("functions", Core.ModF("has_totag") + " " + Core.ModF("no_such_function") + " " + Core.ModF("is_method", "INVITE"));
        Tell("kemi", KSR.pv.get("$ci") + " " + KSR.hdr.append("X-Kemi: " + odd + "\r\n"));
        Core.Err("an error of " + PV.GetS("$rm") + "\n");
        Core.Dbg("not seen at this level\n");
        PV.SetS("$var(told)", "told " + odd);
        return PV.GetS("$fU") == "alice" ? PV.GetI("$cs") - 1 : 404;
    }
}
