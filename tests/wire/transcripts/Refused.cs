static class Refused
{
    static int Main()
    {
        SR.Core.Log(SR.PV.SetS("$ru", "x"), SR.PV.GetS("$nope") ?? "null");
        SR.Core.Log(SR.PV.GetI("$nope"), "GetI");
        return SR.Core.ModF("sl_send_reply");
    }
}
