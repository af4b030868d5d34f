// The floor: a mono process that sends back each line that it reads, one read and one write a turn.
using System;
using System.Runtime.InteropServices;

static class Echo
{
    [DllImport("libc", SetLastError = true)]
    static extern IntPtr recv(int fd, byte[] buffer, IntPtr length, int flags);

    [DllImport("libc", SetLastError = true)]
    static extern IntPtr send(int fd, byte[] buffer, IntPtr length, int flags);

    static void Main()
    {
        var buffer = new byte[65536];
        while (true)
        {
            int count = (int)recv(0, buffer, (IntPtr)buffer.Length, 0);
            if (count <= 0)
            {
                return;
            }
            send(0, buffer, (IntPtr)count, 0);
        }
    }
}
