using System.Threading;

class StartsThreadsWithoutEnd
{
    static int Main(string[] args)
    {
        for (int i = 0; i < int.Parse(args[0]); i++)
        {
            new Thread(() => Thread.Sleep(Timeout.Infinite), 64 * 1024) { IsBackground = true }.Start();
        }
        return 0;
    }
}
