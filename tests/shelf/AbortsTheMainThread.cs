// A thread that keeps aborting the thread that ran Main, even after Main has returned.
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
