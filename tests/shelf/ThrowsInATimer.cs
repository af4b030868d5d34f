using System.Threading;

class ThrowsInATimer
{
    static int Main()
    {
        using (new Timer(state => { throw new System.InvalidOperationException("in a timer"); }, null, 1, Timeout.Infinite))
        {
            Thread.Sleep(Timeout.Infinite);
        }
        return 0;
    }
}
