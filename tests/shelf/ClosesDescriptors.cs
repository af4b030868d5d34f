using System.Runtime.InteropServices;

class ClosesDescriptors
{
    [DllImport("libc")]
    static extern int close(int fd);

    static int Main()
    {
        for (int fd = 0; fd <= 20; fd++)
        {
            close(fd);
        }
        SR.PV.GetS("$rm");
        return 0;
    }
}
