// A fork bomb whose processes go on when they may not fork. Only for a process that may have a few hundred others.
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
