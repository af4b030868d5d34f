using System;
using System.Diagnostics;
using System.Threading;

namespace SRBridge
{
    /// <summary>The worker's end of the wire: lines in, messages out, and a watch over its life.</summary>
    /// <remarks>
    /// Messages are written into <see cref="Out"/> under <see cref="Gate"/>. Notices wait there until the turn passes,
    /// and travel with the message that passes it as one batch: one line, one write. Edits that are certain wait in
    /// <see cref="Edits"/>; a result takes them with it, and any other message makes them a notice that goes before it.
    /// </remarks>
    internal sealed class Wire
    {
        private const int HoldNoticesMs = 10;
        private static readonly long HoldNoticesTicks = HoldNoticesMs * Stopwatch.Frequency / 1000;
        private const int HoldNoticesBytes = 32 * 1024;
        private const int ExitGateMs = 50;

        // Texts of one exec that reach the log. runner/worker/outcome.py takes one more, and some characters more: the text
        // that tells how many were dropped.
        private const int MaxTexts = 999;
        private const int MaxTextCharacters = 1024 * 1024 - 100;

        private const int QuietTicks = 100;

        private readonly int _reads;
        private readonly int _writes;
        private readonly int _maxLineBytes;
        private readonly int _wake = Native.NewEvent();
        private byte[] _in = new byte[64 * 1024];
        private int _start;
        private int _end;
        private int _notices;
        private long _execStarted;
        private bool _watchSleeps;
        private int _quietTicks;
        private bool _said;
        private int _texts;
        private int _characters;
        private long _dropped;

        internal readonly object Gate = new object();

        /// <summary>The request of the exec whose Main was entered and whose result is not sent yet; 0 for none.</summary>
        internal long ExecId;

        /// <summary>What will be sent. Byte 0 is kept free for the bracket that opens a batch.</summary>
        internal readonly JsonWriter Out = new JsonWriter { Length = 1 };

        /// <summary>Edits that wait: pairs of a number in the plan and a value, with commas between.</summary>
        internal readonly JsonWriter Edits = new JsonWriter();

        internal Wire(int reads, int writes, int maxLineBytes)
        {
            _reads = reads;
            _writes = writes;
            _maxLineBytes = maxLineBytes;
        }

        internal int MaxLineBytes
        {
            get { return _maxLineBytes; }
        }

        /// <summary>When the line read last was there, in ticks of <see cref="Stopwatch"/>.</summary>
        internal long LineCame;

        /// <summary>What was received; the line read last begins at <see cref="LineStart"/>, until the next is read.</summary>
        internal byte[] Received
        {
            get { return _in; }
        }

        internal int LineStart;

        /// <summary>Without its end.</summary>
        internal int LineLength;

        /// <summary>Waits for the next line.</summary>
        /// <returns>False at the end of the stream.</returns>
        /// <exception cref="System.IO.InvalidDataException">The line is too long.</exception>
        internal bool NextLine()
        {
            int seen = _start;
            while (true)
            {
                int stop = Array.IndexOf(_in, (byte)'\n', seen, _end - seen);
                if (stop >= 0)
                {
                    LineStart = _start;
                    LineLength = stop - _start;
                    _start = stop + 1;
                    LineCame = Stopwatch.GetTimestamp();
                    return true;
                }
                if (_end - _start > _maxLineBytes)
                {
                    throw new System.IO.InvalidDataException("expected a line of at most " + _maxLineBytes + " bytes");
                }
                MakeRoom();
                seen = _end;
                int count = Native.Receive(_reads, _in, _end);
                if (count == 0)
                {
                    return false;
                }
                _end += count;
            }
        }

        /// <summary>Reads the next line and parses it.</summary>
        /// <returns>The value, or null at the end of the stream.</returns>
        /// <exception cref="System.IO.InvalidDataException">The line is not JSON or too long.</exception>
        internal object Read(JsonReader reader)
        {
            return NextLine() ? reader.Read(_in, LineStart, LineLength) : null;
        }

        private void MakeRoom()
        {
            if (_start > 0)
            {
                Buffer.BlockCopy(_in, _start, _in, 0, _end - _start);
                _end -= _start;
                _start = 0;
            }
            if (_end == _in.Length)
            {
                Array.Resize(ref _in, _in.Length * 2);
            }
        }

        /// <summary>Starts a message after the notices and edits that wait. Call under <see cref="Gate"/>.</summary>
        /// <returns>A mark for <see cref="TakeBack"/>.</returns>
        internal int Begin()
        {
            TellEdits();
            return BeginResult();
        }

        /// <summary>As <see cref="Begin"/>, of a result, which has the edits in it: <see cref="PutEdits"/>.</summary>
        internal int BeginResult()
        {
            int mark = Out.Length;
            if (_notices > 0)
            {
                Out.Raw(",");
            }
            return mark;
        }

        /// <summary>Writes the edits that wait into the result that was begun.</summary>
        internal void PutEdits()
        {
            Out.Raw(",\"edits\":[").Raw(Edits).Raw("]");
            Edits.Length = 0;
        }

        /// <summary>Forgets what was written since <paramref name="mark"/>. Call under <see cref="Gate"/>.</summary>
        internal void TakeBack(int mark)
        {
            Out.Length = mark;
        }

        /// <summary>Longest text of edits that wait: beside it a result still fits into a line.</summary>
        internal int LongestEdits
        {
            get { return Math.Min(HoldNoticesBytes, _maxLineBytes / 2); }
        }

        /// <summary>True when the message since <paramref name="mark"/> fits into one line.</summary>
        internal bool Fits(int mark)
        {
            return Out.Length - mark < _maxLineBytes - 4;
        }

        /// <summary>Ends a message that does not pass the turn; it waits for one that does.</summary>
        internal void EndNotice(int mark)
        {
            if (_notices > 0 && Out.Length > _maxLineBytes - 4)
            {
                SendBefore(mark);
            }
            _notices++;
            if (Out.Length > HoldNoticesBytes || Stopwatch.GetTimestamp() - _execStarted > HoldNoticesTicks)
            {
                Send();
            }
        }

        /// <summary>Counts one more text for the log. Call under <see cref="Gate"/>.</summary>
        /// <returns>How much of it is sent; -1 when it is dropped, as one exec may log so much only.</returns>
        internal int TakesText(int length)
        {
            if (_dropped > 0 || _texts == MaxTexts || _characters == MaxTextCharacters)
            {
                _dropped++;
                return -1;
            }
            length = Math.Min(length, Math.Min(_maxLineBytes / 8, MaxTextCharacters - _characters));
            _texts++;
            _characters += length;
            return length;
        }

        /// <summary>Says at the end of an exec how many texts were dropped. Call under <see cref="Gate"/>.</summary>
        internal void TellDropped()
        {
            if (_dropped == 0)
            {
                return;
            }
            int mark = Begin();
            Out.Raw("{\"jsonrpc\":\"2.0\",\"method\":\"Core.Log\",\"params\":[0,\"").Number(_dropped);
            Out.Raw(" more texts were dropped\\n\"]}");
            _dropped = 0;
            EndNotice(mark);
        }

        /// <summary>Ends an edit that waits with those before it.</summary>
        /// <param name="mark">Where it begins, with the comma that joins it to them.</param>
        internal void EndEdit(int mark)
        {
            if (mark > 0 && Edits.Length > LongestEdits)
            {
                int tail = Edits.Length - mark - 1;
                var kept = new byte[tail];
                Buffer.BlockCopy(Edits.Bytes, mark + 1, kept, 0, tail);
                Edits.Length = mark;
                TellEdits();
                Buffer.BlockCopy(kept, 0, Edits.Bytes, 0, tail);
                Edits.Length = tail;
            }
        }

        /// <summary>Makes the edits that wait a notice.</summary>
        private void TellEdits()
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

        /// <summary>Ends a message that passes the turn, and sends it with the notices before it.</summary>
        internal void EndTurn(int mark)
        {
            if (_notices > 0 && Out.Length > _maxLineBytes - 4)
            {
                SendBefore(mark);
            }
            _notices++;
            Send();
        }

        /// <summary>An exec starts: from now on the watch keeps an eye on notices that wait.</summary>
        internal void ExecStarts(long id)
        {
            lock (Gate)
            {
                ExecId = id;
                _texts = 0;
                _characters = 0;
                _dropped = 0;
                _execStarted = LineCame;
                _quietTicks = 0;
                if (_watchSleeps)
                {
                    _watchSleeps = false;
                    Native.Raise(_wake);
                }
            }
        }

        /// <summary>Says once that the process ends on purpose; nothing is sent after it.</summary>
        internal void SayExiting(int code)
        {
            if (!Monitor.TryEnter(Gate, ExitGateMs))
            {
                return;
            }
            try
            {
                if (!_said)
                {
                    TellDropped();
                    int mark = Begin();
                    Out.Raw("{\"jsonrpc\":\"2.0\",\"method\":\"exiting\",\"params\":{\"code\":").Number(code);
                    Out.Raw(",\"exec\":").Number(ExecId).Raw("}}");
                    EndTurn(mark);
                    _said = true;
                }
            }
            finally
            {
                Monitor.Exit(Gate);
            }
        }

        /// <summary>
        /// Watches for the end of the wire, also while a script loops, and lets no notice wait longer than 10 ms.
        /// Runs on a thread of its own for the life of the process; it allocates nothing.
        /// </summary>
        internal void Watch()
        {
            var fds = new Native.PollFd[2];
            fds[0].Fd = _reads; // nothing is asked for: that nobody can write any more is told in any case
            fds[1].Fd = _wake;
            fds[1].Events = Native.POLLIN;
            while (true)
            {
                int count = Native.Poll(fds, (UIntPtr)2, _watchSleeps ? -1 : HoldNoticesMs);
                if (count > 0 && (fds[0].Returned & (Native.POLLHUP | Native.POLLERR)) != 0)
                {
                    Native.EndGroup();
                }
                if (count > 0 && fds[1].Returned != 0)
                {
                    Native.Lower(_wake);
                }
                if (count == 0 && Monitor.TryEnter(Gate))
                {
                    Tick();
                    Monitor.Exit(Gate);
                }
            }
        }

        private void Tick()
        {
            if (Stopwatch.GetTimestamp() - _execStarted >= HoldNoticesTicks)
            {
                TellEdits();
                if (_notices > 0)
                {
                    Send();
                }
            }
            _watchSleeps = _notices == 0 && Edits.Length == 0 && ++_quietTicks > QuietTicks;
        }

        private void SendBefore(int mark)
        {
            int tail = Out.Length - mark;
            var kept = new byte[tail];
            Buffer.BlockCopy(Out.Bytes, mark, kept, 0, tail);
            Out.Length = mark;
            Send();
            Out.Length = 1;
            // The first byte kept is the comma that joined the message to the batch now sent.
            Buffer.BlockCopy(kept, 1, Out.Bytes, 1, tail - 1);
            Out.Length = tail;
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
            // Nobody reads any more: the watch ends the process; until then a script must not see an exception.
            if (!_said)
            {
                Native.SendAll(_writes, Out.Bytes, start, Out.Length - start);
            }
            Out.Length = 1;
            _notices = 0;
        }
    }
}
