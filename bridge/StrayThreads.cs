using System;
using System.IO;
using System.Threading;

namespace SRBridge
{
    /// <summary>Finds threads and tasks of a script that still run after its Main has returned.</summary>
    /// <remarks>
    /// The number of threads costs nothing; only when it has grown, or is not to be had, are they looked at one by one.
    /// The runtime's own are known by name; the thread pool has one more that has none. A timer that waits is no leftover.
    /// </remarks>
    internal sealed class Leftovers
    {
        internal const string WatchName = "SRBridge watch";
        private const int Looks = 3;
        private const string Tasks = "/proc/self/task";

        private static readonly string[] Known = { "SGen", "Finalizer", "Timer-Scheduler", WatchName };

        private int _resting;
        private bool _hasPool;

        /// <summary>Looks up to three times, a millisecond apart: a thread that has just ended is none.</summary>
        internal bool Found()
        {
            for (int look = 1; ; look++)
            {
                int threads = Native.ThreadCount();
                _resting = Math.Min(_resting, threads);
                if (threads == _resting && threads >= 0 && !(_hasPool && IsPoolBusy()))
                {
                    return false;
                }
                if (!AnyOfTheScript())
                {
                    _resting = threads;
                    return false;
                }
                if (look == Looks)
                {
                    return true;
                }
                Thread.Sleep(1);
            }
        }

        private bool AnyOfTheScript()
        {
            int unknown = -1; // the main thread
            _hasPool = false;
            try
            {
                foreach (string task in Directory.GetDirectories(Tasks))
                {
                    string name = NameOf(task);
                    if (name.StartsWith("Thread Pool", StringComparison.Ordinal))
                    {
                        _hasPool = true;
                    }
                    else if (!Array.Exists(Known, known => name.StartsWith(known, StringComparison.Ordinal)))
                    {
                        unknown++;
                    }
                }
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
            {
                return true; // no descriptor is left to look with
            }
            return unknown > (_hasPool ? 1 : 0) || _hasPool && IsPoolBusy();
        }

        private static string NameOf(string task)
        {
            try
            {
                return File.ReadAllText(task + "/comm");
            }
            catch (Exception error) when (error is FileNotFoundException || error is DirectoryNotFoundException)
            {
                return Known[0]; // it has ended meanwhile
            }
        }

        private static bool IsPoolBusy()
        {
            int free, freePorts, all, allPorts;
            ThreadPool.GetAvailableThreads(out free, out freePorts);
            ThreadPool.GetMaxThreads(out all, out allPorts);
            return free < all;
        }
    }
}
