using System;
using System.Runtime.InteropServices;

class ThrowsInANativeCallback
{
    delegate int Compare(IntPtr one, IntPtr other);

    [DllImport("libc")]
    static extern void qsort(int[] numbers, IntPtr count, IntPtr size, Compare compare);

    static int Main()
    {
        qsort(new[] { 2, 1 }, (IntPtr)2, (IntPtr)4, (one, other) =>
        {
            throw new InvalidOperationException("in a native callback");
        });
        return 0;
    }
}
