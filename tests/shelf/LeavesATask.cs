using System.Threading;
using System.Threading.Tasks;

class LeavesATask
{
    static int Main()
    {
        var begun = new ManualResetEvent(false);
        Task.Run(() => { begun.Set(); Thread.Sleep(Timeout.Infinite); });
        begun.WaitOne();
        return 0;
    }
}
