using System.Threading;

class Deadlocks
{
    static readonly object s_one = new object();
    static readonly object s_other = new object();
    static readonly Barrier s_both = new Barrier(2);

    static void Hold(object first, object second)
    {
        lock (first)
        {
            s_both.SignalAndWait();
            lock (second)
            {
            }
        }
    }

    static int Main()
    {
        new Thread(() => Hold(s_other, s_one)).Start();
        Hold(s_one, s_other);
        return 0;
    }
}
