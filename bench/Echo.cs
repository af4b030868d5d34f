// The floor: a mono process that sends back each line that it reads, one read and one write a turn.
using System;
using System.Runtime.InteropServices;

static class Echo
{
    [DllImport("libc", SetLastError = true)]
    static extern IntPtr read(int fd, byte[] buffer, IntPtr length);

    [DllImport("libc", SetLastError = true)]
    static extern IntPtr write(int fd, byte[] buffer, IntPtr length);

    static void Main()
    {
        var buffer = new byte[65536];
        while (true)
        {
            int count = (int)read(0, buffer, (IntPtr)buffer.Length);
            if (count <= 0)
            {
                return;
            }
            write(1, buffer, (IntPtr)count);
        }
    }
}
