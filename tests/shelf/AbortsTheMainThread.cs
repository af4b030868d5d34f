// A thread that goes on aborting the thread that ran Main, also when Main has returned.
using System.Threading;

class AbortsTheMainThread
{
    static int Main()
    {
        Thread main = Thread.CurrentThread;
        new Thread(() =>
        {
            while (true)
            {
                Thread.Sleep(1);
                main.Abort();
            }
        }) { IsBackground = true }.Start();
        return 0;
    }
}
