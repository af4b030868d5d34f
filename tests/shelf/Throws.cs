class Throws
{
    static int Main()
    {
        SR.PV.SetS("$var(x)", "set before");
        throw new System.InvalidOperationException("boom");
    }
}
