// A fault of native code: what a null pointer does in a library that is called by P/Invoke.
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
