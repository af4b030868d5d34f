using System;
using System.Collections.Generic;
using System.Threading;
using System.Threading.Tasks;

namespace SRBridge
{
    /// <summary>Knows which threads may call now: those that belong to the running exec.</summary>
    /// <remarks>
    /// These are the thread that runs it, and every thread and task that descends from it: the execution context
    /// carries the exec's number. While another exec runs within it, they wait. What changes here changes under both locks
    /// of <see cref="Calls"/>, that of the turn and that of the outbox, so either is enough to look.
    /// </remarks>
    internal sealed class Callers
    {
        private struct OfExec
        {
            internal long Number; // 0 between execs
            internal int Thread;
            internal long NumberOfThread;
            internal bool HasExited;
            internal bool IsExitPending;
        }

        private static readonly object ExitMark = new object();

        private readonly AsyncLocal<long> _numberOfThread = new AsyncLocal<long>();
        private readonly List<OfExec> _suspended = new List<OfExec>(); // the outermost first
        private readonly int _ownThreads = Native.ThreadCount();
        private OfExec _now = new OfExec { Thread = Thread.CurrentThread.ManagedThreadId };
        private long _numbers;
        private long _outermost;

        /// <summary>Calls of the main thread that were refused outside an exec: a static constructor at load makes them.</summary>
        internal int RefusedAtLoad;

        /// <summary>How many execs wait while the running one runs within them.</summary>
        internal int Depth
        {
            get { return _suspended.Count; }
        }

        /// <summary>Whether the script called KSR.x.exit() or drop() in this exec.</summary>
        internal bool HasExited
        {
            get { return _now.HasExited; }
        }

        /// <summary>An exec starts on this thread.</summary>
        internal void Start()
        {
            if (_suspended.Count > 0)
            {
                _numberOfThread.Value = ++_numbers;
            }
            else if (_outermost != _numbers || _numbers == 0 || Native.ThreadCount() != _ownThreads || _ownThreads < 0)
            {
                // A thread or task of an earlier exec may still carry the number of that exec.
                _numberOfThread.Value = _outermost = ++_numbers;
            }
            _now.HasExited = _now.IsExitPending = false;
            _now.Number = _numbers;
        }

        /// <summary>The exec has ended; whether it has exited is known until the next one starts.</summary>
        internal void End()
        {
            _now.Number = 0;
        }

        /// <summary>The exec waits, and another one will start within it, on this thread.</summary>
        internal void Suspend()
        {
            _now.NumberOfThread = _numberOfThread.Value;
            _suspended.Add(_now);
            _now = new OfExec { Thread = Thread.CurrentThread.ManagedThreadId };
        }

        /// <summary>The exec that waits goes on, on the thread that suspended it.</summary>
        internal void Resume()
        {
            _now = _suspended[_suspended.Count - 1];
            _suspended.RemoveAt(_suspended.Count - 1);
            _numberOfThread.Value = _now.NumberOfThread;
        }

        /// <summary>Looks whether this thread belongs to the running exec.</summary>
        internal bool Belongs()
        {
            long exec = _now.Number;
            bool isOwn = Thread.CurrentThread.ManagedThreadId == _now.Thread;
            if (exec == 0 && isOwn)
            {
                RefusedAtLoad++;
            }
            if (_now.IsExitPending && isOwn && exec != 0)
            {
                _now.IsExitPending = false; // a finally block may still make calls
                Thread.CurrentThread.Abort(ExitMark);
            }
            return exec != 0 && (isOwn || _numberOfThread.Value == exec);
        }

        /// <summary>Looks whether this thread belongs to an exec that waits for the one that runs within it.</summary>
        internal bool IsSuspended()
        {
            for (int i = _suspended.Count - 1; i >= 0; i--)
            {
                if (_suspended[i].Number == _numberOfThread.Value)
                {
                    return true;
                }
            }
            return false;
        }

        /// <summary>The script wants to end. Call on a thread that belongs to the exec, and then <see cref="Abort"/>.</summary>
        internal void Exit()
        {
            _now.HasExited = true;
            _now.IsExitPending = Thread.CurrentThread.ManagedThreadId != _now.Thread;
        }

        /// <summary>Ends this thread, or the task that it runs.</summary>
        internal static void Abort()
        {
            if (Task.CurrentId != null)
            {
                // Whoever waits for a task that is aborted waits forever. Behind anything else of the thread pool nobody
                // catches an exception, which would end the process.
                throw new OperationCanceledException("KSR.x.exit()");
            }
            Thread.CurrentThread.Abort(ExitMark);
        }
    }
}
