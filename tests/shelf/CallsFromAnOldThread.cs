using System.Threading;

class CallsFromAnOldThread
{
    static readonly AutoResetEvent s_ask = new AutoResetEvent(false);
    static readonly AutoResetEvent s_answered = new AutoResetEvent(false);
    static string s_answer = "not asked";
    static Thread s_old;

    static int Main()
    {
        if (s_old == null)
        {
            s_old = new Thread(() =>
            {
                s_ask.WaitOne();
                SR.Core.Log(1, "from an old thread");
                s_answer = SR.PV.GetS("$rm") + SR.PV.SetS("$var(old)", "x") + SR.PV.IsNull("$rm");
                s_answered.Set();
            }) { IsBackground = true };
            s_old.Start();
            return 0;
        }
        s_ask.Set();
        s_answered.WaitOne();
        SR.PV.SetS("$var(answer)", s_answer);
        return 1;
    }
}
