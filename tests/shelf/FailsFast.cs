class FailsFast
{
    static int Main()
    {
        System.Environment.FailFast("no way on");
        return 0;
    }
}
