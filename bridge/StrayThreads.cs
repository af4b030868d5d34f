using System;
using System.IO;
using System.Threading;

namespace SRBridge
{
    /// <summary>Finds threads and tasks of a script that are still running after its Main has returned.</summary>
    /// <remarks>
    /// Reading the number of threads costs almost nothing. Only when it has grown, or cannot be read, are the threads
    /// looked at one by one. The runtime's own threads are known by name, except one of the thread pool that has no
    /// name. A timer that has not fired is not a stray thread.
    /// </remarks>
    internal sealed class StrayThreads
    {
        private const int Looks = 3;
        private const string Tasks = "/proc/self/task";

        private static readonly string[] Known = { "SGen", "Finalizer", "Timer-Scheduler", WireWatch.ThreadName };

        private int _resting;
        private bool _hasPool;

        /// <summary>Looks up to three times, a millisecond apart, because a thread may be about to end.</summary>
        /// <returns>True when a thread of the script is still running, or when /proc cannot be read.</returns>
        internal bool HasAny()
        {
            for (int look = 1; ; look++)
            {
                int threads = Native.ThreadCount();
                _resting = Math.Min(_resting, threads);
                if (threads == _resting && threads >= 0 && !(_hasPool && IsPoolBusy()))
                {
                    return false;
                }
                if (!SeesOne())
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

        private bool SeesOne()
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
                return Known[0]; // it has ended since it was listed
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
