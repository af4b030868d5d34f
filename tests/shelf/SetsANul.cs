class SetsANul
{
    static int Main()
    {
        SR.Core.Log(1, "log \0 goes on");
        SR.PV.SetS("$var(got)", string.Join(" ", new object[] {
            SR.PV.SetS("$var(nul)", "before\0after"), SR.PV.SetS("$var(nu\0l)", "x"), SR.PV.GetS("$r\0m") ?? "null",
            SR.HDR.Append("X-Nul: before\0after\r\n") }));
        return 0;
    }
}
