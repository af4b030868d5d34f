// "read": waits in libc, and a signal does not end that wait. "qsort": loops in a callback of libc.
using System;
using System.Runtime.InteropServices;

class NeverReturnsFromNative
{
    delegate int Compare(IntPtr one, IntPtr other);

    [DllImport("libc")]
    static extern int pipe(int[] ends);

    [DllImport("libc")]
    static extern IntPtr read(int end, byte[] bytes, IntPtr count);

    [DllImport("libc")]
    static extern void qsort(int[] numbers, IntPtr count, IntPtr size, Compare compare);

    static int Main(string[] args)
    {
        SR.PV.SetS("$var(before)", args[0]);
        if (args[0] == "qsort")
        {
            qsort(new[] { 2, 1 }, (IntPtr)2, (IntPtr)4, (one, other) => { while (true) { } });
        }
        var ends = new int[2];
        pipe(ends);
        return (int)read(ends[0], new byte[1], (IntPtr)1);
    }
}
