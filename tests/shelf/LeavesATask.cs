using System.Threading;
using System.Threading.Tasks;

class LeavesATask
{
    static int Main()
    {
        Task.Run(() => Thread.Sleep(Timeout.Infinite));
        Thread.Sleep(20);
        return 0;
    }
}
