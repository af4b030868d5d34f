// The parameter is the number of the signal, which is sent by kill, as another process would send it.
using System.Runtime.InteropServices;
using System.Threading;

class SendsItselfASignal
{
    [DllImport("libc")]
    static extern int kill(int pid, int number);

    [DllImport("libc")]
    static extern int getpid();

    static int Main(string[] args)
    {
        kill(getpid(), int.Parse(args[0]));
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }
}
