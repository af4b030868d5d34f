// Ten reads and five edits, as a script that normalises, stamps and routes.
class Fifteen
{
    static int Main()
    {
        string text = SR.PV.GetS("$ru") + SR.PV.GetS("$fu") + SR.PV.GetS("$tu") + SR.PV.GetS("$ci") + SR.PV.GetS("$rm")
            + SR.PV.GetS("$si") + SR.PV.GetS("$hdr(Via)") + SR.PV.GetS("$fU") + SR.PV.GetS("$rd");
        int port = SR.PV.GetI("$sp");
        int failed = SR.PV.SetS("$rU", "123") + SR.PV.SetS("$var(route)", "gateway") + SR.PV.SetI("$var(length)", text.Length)
            + SR.HDR.Append("X-Routed-By: script\r\n") + SR.HDR.AppendToReply("X-Script: ok\r\n");
        return failed == 0 && port > 0 ? 0 : 1;
    }
}
