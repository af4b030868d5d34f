using System;
using System.Threading;

namespace SRBridge
{
    /// <summary>
    /// Watches the wire on a thread of its own: ends the process when the runner hangs up, also while a script loops, and
    /// lets no message wait in the outbox for longer than 10 ms.
    /// </summary>
    /// <remarks>After a second without an exec it looks for the hang-up only, and costs nothing.</remarks>
    internal sealed class WireWatch
    {
        internal const string ThreadName = "SRBridge watch";
        private const int StackBytes = 256 * 1024;
        private const int QuietTicks = 100;

        private readonly int _fd;
        private readonly Outbox _outbox;
        private readonly int _wake = Native.NewEvent();
        private bool _sleeps;
        private int _quietTicks;

        /// <param name="fd">The descriptor that the runner's lines come from.</param>
        /// <param name="outbox">Its <see cref="Outbox.Gate"/> also protects the state of this object.</param>
        internal WireWatch(int fd, Outbox outbox)
        {
            _fd = fd;
            _outbox = outbox;
        }

        /// <summary>Starts the thread, which runs for the life of the process.</summary>
        internal void Start()
        {
            new Thread(Run, StackBytes) { IsBackground = true, Name = ThreadName }.Start();
        }

        /// <summary>Wakes the watch for an exec that starts. Call under <see cref="Outbox.Gate"/>.</summary>
        internal void ExecStarts()
        {
            _quietTicks = 0;
            if (_sleeps)
            {
                _sleeps = false;
                Native.Raise(_wake);
            }
        }

        /// <summary>The loop of the thread. It allocates nothing, so it works when memory has run out.</summary>
        private void Run()
        {
            var fds = new Native.PollFd[2];
            fds[0].Fd = _fd; // no events are asked for: poll always reports a hang-up
            fds[1].Fd = _wake;
            fds[1].Events = Native.POLLIN;
            while (true)
            {
                int count = Native.Poll(fds, (UIntPtr)2, _sleeps ? -1 : Outbox.HoldMs);
                if (count > 0 && (fds[0].Returned & (Native.POLLHUP | Native.POLLERR)) != 0)
                {
                    Native.EndGroup();
                }
                if (count > 0 && fds[1].Returned != 0)
                {
                    Native.Lower(_wake);
                }
                if (count == 0 && Monitor.TryEnter(_outbox.Gate))
                {
                    bool isEmpty = _outbox.SendOverdue();
                    _sleeps = isEmpty && ++_quietTicks > QuietTicks;
                    Monitor.Exit(_outbox.Gate);
                }
            }
        }
    }
}
