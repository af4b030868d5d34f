"""The scripts of ``bench.faults``: what each does for the user "bad", and the C# program around it."""

from __future__ import annotations

SCRIPTS = {
    "exception that nobody catches": 'throw new Exception("fault");',
    "exception on a background thread": (
        'new Thread(() => { throw new Exception("fault"); }).Start(); Thread.Sleep(200);'
    ),
    "exception in a finaliser": (
        "var thread = new Thread(() => { for (int i = 0; i < 100; i++) new Odd(); }); thread.Start(); thread.Join(); "
        "GC.Collect(); GC.WaitForPendingFinalizers(); Thread.Sleep(200);"
    ),
    "exception in a static constructor": "return Static.Number;",
    "exception in a timer": (
        'new Timer(state => { throw new Exception("fault"); }, null, 1, Timeout.Infinite); Thread.Sleep(200);'
    ),
    "exception in a callback of native code": (
        'qsort(new[] { 2, 1 }, (IntPtr)2, (IntPtr)4, (a, b) => { throw new Exception("fault"); });'
    ),
    "Environment.Exit": "Environment.Exit(3);",
    "Environment.FailFast": 'Environment.FailFast("fault");',
    "stack overflow": "return Deeper(0);",
    "endless loop": "while (true) { }",
    "endless loop below native code": ("qsort(new[] { 2, 1 }, (IntPtr)2, (IntPtr)4, (a, b) => { while (true) { } });"),
    "endless sleep in native code": "while (true) pause();",
    "deadlock": "lock (Gate) { var other = new Thread(() => { lock (Gate) { } }); other.Start(); other.Join(); }",
    "Thread.Abort of itself": "Thread.CurrentThread.Abort();",
    "thread that aborts the main thread after Main": (
        "var main = Thread.CurrentThread; new Thread(() => { while (true) { Thread.Sleep(1); main.Abort(); } }) "
        "{ IsBackground = true }.Start();"
    ),
    "allocation without end": "while (true) Kept.Add(new byte[1000000]);",
    "10,000 threads": "for (int i = 0; i < 10000; i++) new Thread(() => Thread.Sleep(3000), 65536).Start();",
    "fork bomb": "while (true) if (fork() < 0) usleep(10000);",
    "closes descriptors 0 to 20": "for (int fd = 0; fd <= 20; fd++) close(fd);",
    "garbage to every open descriptor": "for (int fd = 0; fd < 64; fd++) write(fd, new byte[100], (IntPtr)100);",
    "kills its own process": "kill(getpid(), 9); Thread.Sleep(9000);",
    "native code writes to a null pointer": "memset((IntPtr)8, 1, (IntPtr)100);",
    "text of 100 MiB to PV.SetS": 'return SR.PV.SetS("$var(x)", new string((char)120, 100 << 20)) == -1 ? 0 : 1;',
    "lone surrogate to PV.SetS": 'return SR.PV.SetS("$var(x)", "\\ud800") == -1 ? 0 : 1;',
    "NUL in a text to PV.SetS": (
        'SR.PV.SetS("$var(x)", "before\\0after"); return SR.PV.GetS("$var(x)") == "before" ? 0 : 1;'
    ),
    "calls from eight threads at once": (
        "var all = new Thread[8]; for (int i = 0; i < 8; i++) { all[i] = new Thread(() => { "
        'for (int n = 0; n < 100; n++) { SR.PV.SetS("$var(x)", "x"); SR.PV.GetS("$ru"); } }); all[i].Start(); } '
        "foreach (Thread one in all) one.Join();"
    ),
    "threads that go on calling after Main": (
        "for (int i = 0; i < 8; i++) new Thread(() => { while (true) "
        '{ SR.PV.SetS("$var(x)", "x"); SR.PV.GetS("$ru"); } }) { IsBackground = true }.Start(); Thread.Sleep(20);'
    ),
    "changes culture and environment": (
        'Environment.SetEnvironmentVariable("ADDED", "x"); '
        'Thread.CurrentThread.CurrentCulture = new System.Globalization.CultureInfo("de-DE");'
    ),
    "reads its standard input": "Console.In.ReadToEnd();",
    "64 MiB to standard error": (
        "var line = new string((char)120, 1 << 20); for (int i = 0; i < 64; i++) Console.Error.WriteLine(line);"
    ),
}
"""What a fault is called, to the statements that make it."""

SOURCE = """
using System;
using System.Runtime.InteropServices;
using System.Threading;

class Odd {{ ~Odd() {{ throw new Exception("fault"); }} }}
class Static {{ internal static readonly int Number = 1; static Static() {{ throw new Exception("fault"); }} }}

class Fault
{{
    static readonly object Gate = new object();
    static readonly System.Collections.Generic.List<byte[]> Kept = new System.Collections.Generic.List<byte[]>();

    delegate int Compare(IntPtr one, IntPtr other);

    [DllImport("libc")] static extern int close(int fd);
    [DllImport("libc")] static extern int fork();
    [DllImport("libc")] static extern int getpid();
    [DllImport("libc")] static extern int kill(int pid, int number);
    [DllImport("libc")] static extern IntPtr memset(IntPtr where, int what, IntPtr count);
    [DllImport("libc")] static extern int pause();
    [DllImport("libc")] static extern void qsort(int[] numbers, IntPtr count, IntPtr size, Compare compare);
    [DllImport("libc")] static extern int usleep(uint microseconds);
    [DllImport("libc")] static extern IntPtr write(int fd, byte[] bytes, IntPtr count);

    static int Deeper(int depth) {{ return Deeper(depth + 1) + 1; }}

    // What an earlier exec changed must not be seen.
    static bool IsAsBefore()
    {{
        return Environment.GetEnvironmentVariable("ADDED") == null
            && Thread.CurrentThread.CurrentCulture.Name != "de-DE";
    }}

    static int Bad()
    {{
        {0}
        return 0;
    }}

    static int Main()
    {{
        if (SR.PV.GetS("$rU") == "bad") return Bad();
        SR.HDR.AppendToReply("X-Process: " + getpid() + "\\r\\n");
        return IsAsBefore() ? 0 : 1;
    }}
}}
"""
