// Threads and tasks that it waits for, and a timer that has not fired: nothing is left running.
using System.Threading;
using System.Threading.Tasks;

class EndsItsThreads
{
    static Timer _timer;

    static int Main()
    {
        _timer = new Timer(state => { }, null, 100000, Timeout.Infinite);
        Task.Run(() => Thread.Sleep(1)).Wait();
        var thread = new Thread(() => Thread.Sleep(1));
        thread.Start();
        thread.Join();
        return 0;
    }
}
