using System.Threading;

class CallsFromAThread
{
    static int Main()
    {
        int answered = 0;
        var threads = new Thread[8];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(() =>
            {
                for (int call = 0; call < 25; call++)
                {
                    if (SR.PV.GetS("$rm") == "INVITE")
                    {
                        Interlocked.Increment(ref answered);
                    }
                }
            });
            threads[i].Start();
        }
        foreach (Thread thread in threads)
        {
            thread.Join();
        }
        return answered;
    }
}
