static class RoundTrip
{
    static int Main(string[] args)
    {
        SR.PV.SetS("$var(param)", args[0]);
        return SR.PV.SetS("$var(out)", SR.PV.GetS("$var(in)"));
    }
}
