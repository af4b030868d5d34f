using System.Threading;

class CallsExitOnAThread
{
    static int Main()
    {
        new Thread(() => System.Environment.Exit(4)).Start();
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }
}
