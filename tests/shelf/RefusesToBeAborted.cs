// Aborts its own thread again and again, and resets each abort.
using System.Threading;

class RefusesToBeAborted
{
    static int Main()
    {
        int survived = 0;
        for (int i = 0; i < 10; i++)
        {
            try
            {
                Thread.CurrentThread.Abort(i);
            }
            catch (ThreadAbortException)
            {
                Thread.ResetAbort();
                survived++;
            }
        }
        return survived;
    }
}
