using System.Runtime.InteropServices;

class WritesGarbageToEveryFd
{
    [DllImport("libc")]
    static extern int write(int fd, byte[] data, System.IntPtr length);

    static int Main()
    {
        byte[] garbage = System.Text.Encoding.ASCII.GetBytes("garbage\n");
        for (int fd = 0; fd < 64; fd++)
        {
            write(fd, garbage, (System.IntPtr)garbage.Length);
        }
        SR.PV.GetS("$rm");
        return 0;
    }
}
