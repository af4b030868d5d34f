using System.Threading;

class ThrowsOnAThread
{
    static int Main()
    {
        var thread = new Thread(() => { throw new System.Exception("on a thread"); });
        thread.Start();
        thread.Join();
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }
}
