class MakesEveryCall
{
    static int Main()
    {
        SR.Core.Log(1, "log");
        SR.Core.Err("err");
        SR.Core.Dbg("dbg");
        SR.PV.SetS("$var(got)", string.Join(" ", new object[] {
            SR.Core.APIVersion(), SR.PV.GetS("$rU"), SR.PV.GetI("$var(n)"), SR.PV.SetS("$rU", "123"), SR.PV.SetI("$var(n)", 5),
            SR.PV.GetI("$var(n)"), SR.PV.Unset("$avp(x)"), SR.PV.IsNull("$avp(x)"), SR.PV.IsNull("$nonsense"),
            SR.HDR.Append("X-A: 1\r\n"), SR.HDR.Insert("X-I: 1\r\n"), SR.HDR.Remove("Max-Forwards"),
            SR.HDR.AppendToReply("X-R: 1\r\n"), SR.Core.ModF("no_such_function") }));
        return 0;
    }
}
