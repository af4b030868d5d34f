// With "later" the finaliser throws after Main has returned.
using System;
using System.Threading;

class ThrowsInAFinaliser
{
    sealed class Odd
    {
        private readonly bool _isLate;

        internal Odd(bool isLate) { _isLate = isLate; }

        ~Odd()
        {
            Thread.Sleep(_isLate ? 50 : 0);
            throw new InvalidOperationException("in a finaliser");
        }
    }

    static void Drop(bool isLate)
    {
        // On a thread of its own, so that no stack keeps them alive.
        var thread = new Thread(() =>
        {
            for (int i = 0; i < 100; i++)
            {
                new Odd(isLate);
            }
        });
        thread.Start();
        thread.Join();
        GC.Collect();
    }

    static int Main(string[] args)
    {
        Drop(args.Length > 0);
        if (args.Length == 0)
        {
            GC.WaitForPendingFinalizers();
            Thread.Sleep(Timeout.Infinite);
        }
        return 0;
    }
}
