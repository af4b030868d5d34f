class LoneSurrogates
{
    static int Main()
    {
        SR.Core.Log(1, "log \ud800 goes on");
        int high = SR.PV.SetS("$var(x)", "\ud800");
        int low = SR.PV.SetS("$var(x)", "\udc00");
        int bytes = SR.PV.SetS("$var(bytes)", "\udc80\udcff");
        int pair = SR.PV.SetS("$var(pair)", "\ud83d\ude00");
        SR.PV.SetS("$var(got)", high + " " + low + " " + bytes + " " + pair);
        return 0;
    }
}
