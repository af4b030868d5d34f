// "pause": sleeps in libc. "qsort": loops in a callback of libc.
using System;
using System.Runtime.InteropServices;

class NeverReturnsFromNative
{
    delegate int Compare(IntPtr one, IntPtr other);

    [DllImport("libc")]
    static extern int pause();

    [DllImport("libc")]
    static extern void qsort(int[] numbers, IntPtr count, IntPtr size, Compare compare);

    static int Main(string[] args)
    {
        SR.PV.SetS("$var(before)", args[0]);
        if (args[0] == "qsort")
        {
            qsort(new[] { 2, 1 }, (IntPtr)2, (IntPtr)4, (one, other) => { while (true) { } });
        }
        while (true)
        {
            pause();
        }
    }
}
