class AbortsItself
{
    static int Main()
    {
        System.Threading.Thread.CurrentThread.Abort();
        return 0;
    }
}
