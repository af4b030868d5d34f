static class CallsExit
{
    static int Main()
    {
        SR.PV.SetS("$rU", "before");
        System.Environment.Exit(3);
        return 0;
    }
}
