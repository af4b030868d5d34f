// A fault in native code: a library that is called by P/Invoke writes through a null pointer.
using System;
using System.Runtime.InteropServices;

class WritesToNowhere
{
    [DllImport("libc")]
    static extern IntPtr memset(IntPtr where, int what, IntPtr count);

    static int Main()
    {
        memset((IntPtr)8, 1, (IntPtr)100);
        return 0;
    }
}
