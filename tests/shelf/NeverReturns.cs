// With a parameter it returns at once.
class NeverReturns
{
    static int Main(string[] args)
    {
        if (args.Length > 0)
        {
            return 0;
        }
        SR.Core.Log(1, "last words");
        while (true) { }
    }
}
