// The number is its parameter; the process is told by kill, as another process would do it.
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
