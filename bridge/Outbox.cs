using System;
using System.Diagnostics;
using System.Threading;

namespace SRBridge
{
    /// <summary>The outgoing half of the wire: what is sent, in what order, and in how many writes.</summary>
    /// <remarks>
    /// Messages are written into <see cref="Out"/> under <see cref="Gate"/>. Notices wait there until the turn passes, and
    /// travel with the message that passes it as one batch: one line, one write. Certain edits wait in
    /// <see cref="Edits"/>: a result carries them, and before any other message they are sent as a notice.
    /// </remarks>
    internal sealed class Outbox
    {
        /// <summary>What is counted for one exec.</summary>
        internal struct OfExec
        {
            internal long Id;
            internal long Started;
            internal int Texts;
            internal int Characters;
            internal long Dropped;
            internal bool IsTraced;
        }

        /// <summary>How long a notice or an edit waits at most, in milliseconds.</summary>
        internal const int HoldMs = 10;

        private static readonly long HoldTicks = HoldMs * Stopwatch.Frequency / 1000;
        private const int HoldNoticesBytes = 32 * 1024;
        private const int ExitGateMs = 50;

        // Texts of one exec that reach the log. runner/worker/outcome.py allows one text more, and some characters more:
        // the text that says how many were dropped.
        private const int MaxTexts = 999;
        private const int MaxTextCharacters = 1024 * 1024 - 100;

        private readonly int _fd;
        private int _notices;
        private bool _hasSaidExiting;
        private OfExec _exec;

        /// <summary>The lock of this object. Every thread of the process may send.</summary>
        internal readonly object Gate = new object();

        /// <summary>The longest line that may be sent, in bytes.</summary>
        internal readonly int MaxLineBytes;

        // The exec within which this one runs; without an id when there is none.
        private OfExec _outer;

        /// <summary>What will be sent. Byte 0 is kept free for the bracket that opens a batch.</summary>
        internal readonly JsonWriter Out = new JsonWriter { Length = 1 };

        /// <summary>Edits that wait: pairs of a number in the plan and a value, separated by commas.</summary>
        internal readonly JsonWriter Edits = new JsonWriter();

        /// <param name="fd">The descriptor that lines are written to.</param>
        /// <param name="maxLineBytes">The longest line that may be sent.</param>
        internal Outbox(int fd, int maxLineBytes)
        {
            _fd = fd;
            MaxLineBytes = maxLineBytes;
        }

        /// <summary>The most text of edits that may wait: a result still fits into the line beside it.</summary>
        internal int LongestEdits
        {
            get { return Math.Min(HoldNoticesBytes, MaxLineBytes / 2); }
        }

        /// <summary>Starts a message, after the notices and edits that wait. Call under <see cref="Gate"/>.</summary>
        /// <returns>A mark for <see cref="TakeBack"/> and for the methods that end a message.</returns>
        internal int Begin()
        {
            EditsToNotice();
            return BeginResult();
        }

        /// <summary>Starts a result, which carries the edits itself: <see cref="PutEdits"/>.</summary>
        /// <returns>As <see cref="Begin"/>.</returns>
        internal int BeginResult()
        {
            int mark = Out.Length;
            if (_notices > 0)
            {
                Out.Raw(",");
            }
            return mark;
        }

        /// <summary>Writes the edits that wait into the result that was started.</summary>
        internal void PutEdits()
        {
            Out.Raw(",\"edits\":[").Raw(Edits).Raw("]");
            Edits.Length = 0;
        }

        /// <summary>Removes the message that was started at <paramref name="mark"/>. Call under <see cref="Gate"/>.</summary>
        internal void TakeBack(int mark)
        {
            Out.Length = mark;
        }

        /// <summary>True when the message that was started at <paramref name="mark"/> fits into one line.</summary>
        internal bool Fits(int mark)
        {
            return Out.Length - mark < MaxLineBytes - 4;
        }

        /// <summary>Ends a message that does not pass the turn; it waits for one that does.</summary>
        internal void EndNotice(int mark)
        {
            Join(mark);
            if (Out.Length > HoldNoticesBytes || IsOverdue)
            {
                Send();
            }
        }

        /// <summary>Ends a message that passes the turn, and sends it with the notices before it.</summary>
        internal void EndTurn(int mark)
        {
            Join(mark);
            Send();
        }

        /// <summary>Ends an edit, which waits with those before it.</summary>
        /// <param name="mark">Where it starts in <see cref="Edits"/>, with the comma that joins it to them.</param>
        internal void EndEdit(int mark)
        {
            if (mark > 0 && Edits.Length > LongestEdits)
            {
                int length = Edits.Length - mark - 1;
                var edit = new byte[length];
                Buffer.BlockCopy(Edits.Bytes, mark + 1, edit, 0, length);
                Edits.Length = mark;
                EditsToNotice();
                Buffer.BlockCopy(edit, 0, Edits.Bytes, 0, length);
                Edits.Length = length;
            }
        }

        /// <summary>An exit from now on ends this load; 0: none. Call under <see cref="Gate"/>.</summary>
        internal void Loads(long id)
        {
            _exec.Id = id;
        }

        /// <summary>Starts an exec: its texts are counted from 0. Call under <see cref="Gate"/>.</summary>
        /// <param name="id">The request.</param>
        /// <param name="came">When it came, in ticks of <see cref="Stopwatch"/>.</param>
        /// <param name="isTraced">Whether each call says where it is made.</param>
        internal void ExecStarts(long id, long came, bool isTraced)
        {
            _exec = new OfExec { Id = id, Started = came, IsTraced = isTraced };
        }

        /// <summary>Whether each call of the running exec says where it is made.</summary>
        internal bool IsTraced
        {
            get { return _exec.IsTraced; }
        }

        /// <summary>Ends the message of a call: says where it is made, where that is wanted. Call under <see cref="Gate"/>.</summary>
        internal void EndCall()
        {
            if (IsTraced)
            {
                Places.Put(Out);
            }
            Out.Raw("}");
        }

        /// <summary>The result of the exec was written: an exit belongs to the exec within which it ran, if to any.</summary>
        internal void ExecEnds()
        {
            _exec.Id = _outer.Id;
        }

        /// <summary>Keeps what is counted for the running exec, while another one runs within it.</summary>
        /// <returns>What <see cref="Resume"/> wants: what was kept of the exec within which the running one runs.</returns>
        internal OfExec Suspend()
        {
            OfExec outer = _outer;
            _outer = _exec;
            return outer;
        }

        /// <summary>Goes on with the exec that was kept last.</summary>
        internal void Resume(OfExec outer)
        {
            _exec = _outer;
            _outer = outer;
        }

        /// <summary>Counts one more text for the log. Call under <see cref="Gate"/>.</summary>
        /// <returns>How many of its characters may be sent; -1 when the exec has logged too much and it is dropped.</returns>
        internal int CountText(int length)
        {
            if (_exec.Dropped > 0 || _exec.Texts == MaxTexts || _exec.Characters == MaxTextCharacters)
            {
                _exec.Dropped++;
                return -1;
            }
            length = Math.Min(length, Math.Min(MaxLineBytes / 8, MaxTextCharacters - _exec.Characters));
            _exec.Texts++;
            _exec.Characters += length;
            return length;
        }

        /// <summary>Logs at the end of an exec how many texts were dropped. Call under <see cref="Gate"/>.</summary>
        internal void LogDropped()
        {
            if (_exec.Dropped == 0)
            {
                return;
            }
            int mark = Begin();
            Out.Raw("{\"jsonrpc\":\"2.0\",\"method\":\"Core.Log\",\"params\":[0,\"").Number(_exec.Dropped);
            Out.Raw(" more texts were dropped\\n\"]}");
            _exec.Dropped = 0;
            EndNotice(mark);
        }

        /// <summary>Says once that the process is exiting on purpose; nothing is sent after that.</summary>
        internal void SayExiting(int code)
        {
            // A thread that holds the gate may be stuck in a write: the exit must not wait for it.
            if (!Monitor.TryEnter(Gate, ExitGateMs))
            {
                return;
            }
            try
            {
                if (!_hasSaidExiting)
                {
                    LogDropped();
                    int mark = Begin();
                    Out.Raw("{\"jsonrpc\":\"2.0\",\"method\":\"exiting\",\"params\":{\"code\":").Number(code);
                    Out.Raw(",\"exec\":").Number(_exec.Id).Raw("}}");
                    EndTurn(mark);
                    _hasSaidExiting = true;
                }
            }
            finally
            {
                Monitor.Exit(Gate);
            }
        }

        /// <summary>Sends what has waited too long. Call under <see cref="Gate"/>.</summary>
        /// <returns>True when nothing is waiting.</returns>
        internal bool SendOverdue()
        {
            if (IsOverdue)
            {
                EditsToNotice();
                if (_notices > 0)
                {
                    Send();
                }
            }
            return _notices == 0 && Edits.Length == 0;
        }

        /// <summary>True when the exec has run for so long that nothing of it may wait.</summary>
        private bool IsOverdue
        {
            get { return Stopwatch.GetTimestamp() - _exec.Started >= HoldTicks; }
        }

        /// <summary>Turns the edits that wait into a notice.</summary>
        private void EditsToNotice()
        {
            if (Edits.Length == 0)
            {
                return;
            }
            int mark = BeginResult();
            Out.Raw("{\"jsonrpc\":\"2.0\",\"method\":\"edits\",\"params\":[").Raw(Edits).Raw("]}");
            Edits.Length = 0;
            EndNotice(mark);
        }

        /// <summary>Adds the message to the batch; when both do not fit into one line, the batch is sent before it.</summary>
        private void Join(int mark)
        {
            if (_notices > 0 && Out.Length > MaxLineBytes - 4)
            {
                SendBefore(mark);
            }
            _notices++;
        }

        private void SendBefore(int mark)
        {
            int length = Out.Length - mark;
            var message = new byte[length];
            Buffer.BlockCopy(Out.Bytes, mark, message, 0, length);
            Out.Length = mark;
            Send();
            // Its first byte is the comma that joined it to the batch just sent; byte 0 of Out is kept free.
            Buffer.BlockCopy(message, 1, Out.Bytes, 1, length - 1);
            Out.Length = length;
        }

        private void Send()
        {
            int start = 1;
            if (_notices > 1)
            {
                start = 0;
                Out.Bytes[0] = (byte)'[';
                Out.Raw("]");
            }
            Out.Raw("\n");
            // A failed write is ignored: the runner has gone, and the watch ends the process. The script sees no exception.
            if (!_hasSaidExiting)
            {
                Native.SendAll(_fd, Out.Bytes, start, Out.Length - start);
            }
            Out.Length = 1;
            _notices = 0;
        }
    }
}
