static class Notices
{
    static int Main()
    {
        SR.Core.Log(2, "one\n");
        SR.Core.Err("two \u00e9\n");
        string user = SR.PV.GetS("$rU");
        SR.Core.Dbg(user ?? "null");
        return SR.PV.SetI("$var(n)", -5) + SR.PV.IsNull("$du");
    }
}
