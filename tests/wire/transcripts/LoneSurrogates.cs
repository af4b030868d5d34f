static class LoneSurrogates
{
    static int Main()
    {
        int refused = SR.PV.SetS("$var(x)", "a\ud800b");
        SR.Core.Log(refused, "a\ud800b\udc41c\udc80d");
        return refused;
    }
}
