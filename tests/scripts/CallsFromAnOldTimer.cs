// "start" leaves a timer; it goes off while "wait" runs, in an exec that is not its own.
using System.Threading;
using SR;

class CallsFromAnOldTimer
{
    static readonly ManualResetEvent Gone = new ManualResetEvent(false);
    static Timer _timer;
    static int _got = 1;

    static int Main(string[] arguments)
    {
        if (arguments[0] == "start")
        {
            _timer = new Timer(state => { _got = PV.SetS("$var(old)", "called"); Gone.Set(); }, null, 300, Timeout.Infinite);
            return 0;
        }
        Gone.WaitOne();
        return PV.SetS("$var(new)", "called") == 0 && _got == -1 ? 0 : 2;
    }
}
