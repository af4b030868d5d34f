using System.Threading;

class StartsThreads
{
    static int Main()
    {
        for (int i = 0; i < 20; i++)
        {
            new Thread(() => Thread.Sleep(Timeout.Infinite)).Start();
        }
        return 0;
    }
}
