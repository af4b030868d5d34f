// "start" leaves a timer that fires while "wait" runs, in an exec that is not its own. Without either nothing happens.
using System.Threading;
using SR;

class CallsFromAnOldTimer
{
    static readonly ManualResetEvent Waits = new ManualResetEvent(false), Gone = new ManualResetEvent(false);
    public static Timer Left;
    static int _got = 1;

    static int Main(string[] arguments)
    {
        string does = arguments.Length > 0 ? arguments[0] : "";
        if (does == "start")
        {
            Left = new Timer(state => Calls(), null, 300, Timeout.Infinite);
            return 0;
        }
        if (does != "wait")
        {
            return 0;
        }
        Waits.Set();
        Gone.WaitOne();
        return PV.SetS("$var(new)", "called") == 0 && _got == -1 ? 0 : 2;
    }

    static void Calls()
    {
        Waits.WaitOne(); // "start" may have been held up
        _got = PV.SetS("$var(old)", "called");
        Gone.Set();
    }
}
