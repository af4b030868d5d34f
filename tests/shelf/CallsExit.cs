class CallsExit
{
    static int Main(string[] args)
    {
        SR.Core.Log(1, "before exit");
        System.Environment.Exit(int.Parse(args[0]));
        return 99;
    }
}
