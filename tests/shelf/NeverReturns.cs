class NeverReturns
{
    static int Main()
    {
        SR.Core.Log(1, "last words");
        while (true) { }
    }
}
