using System.Threading;

class ReturnsWhileThreadsCall
{
    static int Main()
    {
        var started = new CountdownEvent(8);
        for (int i = 0; i < 8; i++)
        {
            new Thread(() =>
            {
                for (int call = 0; ; call++)
                {
                    SR.PV.SetS("$var(thread)", "x");
                    SR.PV.GetS("$rm");
                    SR.Core.Log(3, "from a thread");
                    if (call == 3)
                    {
                        started.Signal();
                    }
                }
            }) { IsBackground = true }.Start();
        }
        started.Wait();
        return 5;
    }
}
