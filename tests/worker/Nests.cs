using System;
using System.Threading;
using System.Threading.Tasks;
using SR;

// Scripts that ask a function of a module, which runs another one of them meanwhile: see test_nested.py.
public class Nests
{
    private static readonly ManualResetEventSlim s_go = new ManualResetEventSlim();
    private static readonly ManualResetEventSlim s_asked = new ManualResetEventSlim();
    private static int s_count;

    public static int outer()
    {
        s_count = 1;
        int inner = Core.ModF("adds");
        return inner * 100 + s_count;
    }

    public static int adds()
    {
        return s_count += 10;
    }

    public static int sets()
    {
        return PV.SetS("$rU", "x") + PV.SetS("$var(n)", PV.GetS("$rU") + PV.GetS("$fU"));
    }

    public static int guesses()
    {
        string before = PV.GetS("$rU");
        PV.SetS("$var(o)", before);
        int inner = Core.ModF("sets");
        return inner == 0 && before == "bob" && PV.GetS("$rU") == "x" && PV.GetS("$var(o)") == "bob" ? 0 : 1;
    }

    public static int reads()
    {
        string before = PV.GetS("$rU");
        PV.GetS("$var(nest)");
        return before == "bob" && PV.GetS("$rU") == "x" ? 0 : 1;
    }

    public static int throws()
    {
        throw new InvalidOperationException("boom");
    }

    public static int survives()
    {
        return Core.ModF("throws") * 10 + Core.ModF("adds") - s_count;
    }

    public static int exits()
    {
        try
        {
            Host.Current.Exit(false);
        }
        finally
        {
            s_count = 5;
        }
        return 9;
    }

    public static int goes_on()
    {
        s_count = 0;
        return Core.ModF("exits") * 10 + s_count;
    }

    public static int exits_after()
    {
        Core.ModF("exits");
        Host.Current.Exit(false);
        return 9;
    }

    public static int recurses()
    {
        s_count++;
        Core.ModF("recurses");
        return s_count;
    }

    public static int counts()
    {
        s_count = 0;
        Core.ModF("recurses");
        return s_count;
    }

    public static int threads()
    {
        string task = Task.Run(() => PV.GetS("$fU")).Result;
        string seen = null;
        var thread = new Thread(() => seen = PV.GetS("$rU"));
        thread.Start();
        thread.Join();
        return seen == "bob" && task == "alice" ? 0 : 1;
    }

    public static int has_threads()
    {
        return Core.ModF("threads") + threads();
    }

    public static int lets_go()
    {
        s_go.Set();
        s_asked.Wait();
        Thread.Sleep(20);
        return PV.GetS("$rU") == "bob" ? 0 : 1;
    }

    public static int others_wait()
    {
        s_go.Reset();
        s_asked.Reset();
        string seen = null;
        var thread = new Thread(() =>
        {
            s_go.Wait();
            Core.Log(2, "while the inner one runs");
            s_asked.Set();
            seen = PV.GetS("$fU");
        });
        thread.Start();
        int inner = Core.ModF("lets_go");
        thread.Join();
        return inner == 0 && seen == "alice" ? 0 : 1;
    }

    public static int on_a_task()
    {
        return Task.Run(() => Core.ModF("threads") + Core.ModF("adds")).Result - s_count;
    }

    public static int leaves()
    {
        s_go.Reset();
        s_asked.Set();
        new Thread(() => Core.ModF("lets_go")).Start();
        s_go.Wait();
        return 4;
    }

    public static int logs()
    {
        return Log(700);
    }

    public static int logs_twice()
    {
        return Log(700) + Core.ModF("logs") + Log(299);
    }

    private static int Log(int count)
    {
        for (int i = 0; i < count; i++)
        {
            Core.Log(3, "x");
        }
        return 0;
    }

    public static int sleeps()
    {
        Thread.Sleep(50);
        return 0;
    }

    public static int waits()
    {
        return Core.ModF("sleeps");
    }

    public static int never()
    {
        Thread.Sleep(-1);
        return 0;
    }

    public static int asks_never()
    {
        return Core.ModF("never");
    }

    public static int ends()
    {
        Environment.Exit(3);
        return 0;
    }

    public static int asks_ends()
    {
        return Core.ModF("ends");
    }

    public static int place()
    {
        return AppDomain.CurrentDomain.BaseDirectory.Contains("/one/") ? 1 : 2;
    }

    public static int places()
    {
        int before = place();
        return before * 100 + Core.ModF("place") * 10 + place();
    }
}
