using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;

namespace SRBridge
{
    /// <summary>Answers the calls of a script by asking over the wire.</summary>
    /// <remarks>
    /// A call counts only when it belongs to the exec that is running: made on the main thread during it, or on a
    /// thread, task or timer that descends from it. Every other call gets its error value and never touches the wire.
    /// </remarks>
    internal sealed class Calls : SR.Host
    {
        private const string Find = "Assembly.Find";
        private static readonly object Zero = 0L;

        private readonly Wire _wire;
        private readonly Outbox _outbox;
        private readonly WireWatch _watch;
        private readonly JsonReader _reader = new JsonReader();
        private readonly object _turn = new object();
        private readonly AsyncLocal<long> _execOfThread = new AsyncLocal<long>();
        private readonly int _mainThread = Thread.CurrentThread.ManagedThreadId;
        private readonly Foresight _ahead = new Foresight();
        private readonly int _threadsAlone = Native.ThreadCount();
        private long _exec;
        private long _execs;
        private long _question;

        /// <summary>Calls of the main thread that were refused because no exec runs: a static constructor at load.</summary>
        internal int RefusedAtLoad;

        internal Calls(Wire wire, Outbox outbox, WireWatch watch)
        {
            _wire = wire;
            _outbox = outbox;
            _watch = watch;
        }

        /// <summary>Which of the values that came with the exec were asked for, as bits.</summary>
        internal long Used
        {
            get { return _ahead.Used; }
        }

        /// <summary>Time spent waiting for answers in this exec, in ticks of <see cref="Stopwatch"/>.</summary>
        internal long Waited;

        /// <summary>From now on calls are answered.</summary>
        internal void ExecStarts(long id, Plan plan, List<object> values, long certain)
        {
            _ahead.ExecStarts(plan, values, certain);
            Waited = 0;
            lock (_outbox.Gate)
            {
                _outbox.ExecStarts(id, _wire.LineCame);
                _watch.ExecStarts();
            }
            if (_execs == 0 || Native.ThreadCount() != _threadsAlone || _threadsAlone < 0)
            {
                // A thread, task or timer of an exec before may carry its number.
                _execOfThread.Value = ++_execs;
            }
            _exec = _execs;
        }

        /// <summary>
        /// From now on calls are outside an exec. Waits for a question that another thread has under way.
        /// </summary>
        internal void ExecEnds()
        {
            lock (_turn)
            {
                lock (_outbox.Gate)
                {
                    _outbox.LogDropped();
                    _exec = 0;
                }
            }
        }

        internal override void Log(int level, string text)
        {
            lock (_outbox.Gate)
            {
                if (!BelongsToExec())
                {
                    return;
                }
                int longest = _outbox.CountText(text.Length);
                if (longest < 0)
                {
                    return;
                }
                int mark = _outbox.Begin();
                _outbox.Out.Raw("{\"jsonrpc\":\"2.0\",\"method\":\"Core.Log\",\"params\":[").Number(level).Raw(",");
                _outbox.Out.Text(text.Length > longest ? text.Substring(0, longest) : text).Raw("]}");
                _outbox.EndNotice(mark);
            }
        }

        internal override string AskText(string call, string argument)
        {
            return Answer(call, argument, null, 0) as string;
        }

        internal override int AskNumber(string call, string argument, int errorValue)
        {
            return ToNumber(Answer(call, argument, null, 0), errorValue);
        }

        internal override int AskNumber(string call, string argument, string second, int errorValue)
        {
            return ToNumber(Answer(call, argument, second, 2), errorValue);
        }

        internal override int AskNumber(string call, string argument, int second, int errorValue)
        {
            return ToNumber(Answer(call, argument, null, 3, second), errorValue);
        }

        /// <summary>The hash of the copy of an assembly beside the running script; null when there is none.</summary>
        internal string FindAssembly(string name)
        {
            return Answer(Find, name, null, 0) as string;
        }

        private static int ToNumber(object answer, int errorValue)
        {
            return answer is long ? unchecked((int)(long)answer) : errorValue;
        }

        private bool BelongsToExec()
        {
            long exec = _exec;
            bool isMain = Thread.CurrentThread.ManagedThreadId == _mainThread;
            if (exec == 0 && isMain)
            {
                RefusedAtLoad++;
            }
            return exec != 0 && (isMain || _execOfThread.Value == exec);
        }

        /// <summary>One call: from what came with the exec, else as an edit that is certain, else as a question.</summary>
        /// <param name="shape">0: one argument; 2: a text follows; 3: a number follows.</param>
        /// <returns>The call's result; null when it failed or was refused.</returns>
        private object Answer(string call, string argument, string second, int shape, int number = 0)
        {
            lock (_turn)
            {
                if (!BelongsToExec())
                {
                    return null;
                }
                object value;
                if (shape == 0 && _ahead.TryRead(call, argument, out value))
                {
                    return value;
                }
                bool isHeader = call[0] == 'H';
                string text = isHeader ? argument : second;
                int edit = _ahead.CertainEdit(call, isHeader ? "" : argument, text);
                if (edit >= 0 && TryEdit(edit, text, number))
                {
                    return Zero;
                }
                bool isRead = call == "PV.GetS" || call == "PV.GetI" || call == "PV.IsNull" || call == Find;
                if (!isRead)
                {
                    _ahead.Forget();
                }
                return TryAsk(call, argument, second, shape, number) ? Asked() : null;
            }
        }

        /// <summary>Waits for the answer to the question just put.</summary>
        private object Asked()
        {
            JsonObject answer;
            long asked = Stopwatch.GetTimestamp();
            try
            {
                answer = _wire.Read(_reader) as JsonObject;
                Waited += Stopwatch.GetTimestamp() - asked;
            }
            catch (InvalidDataException error)
            {
                throw Lost(error.Message);
            }
            object id;
            if (answer == null || !answer.TryGetValue("id", out id) || !(id is long) || (long)id != _question)
            {
                throw Lost("expected the answer to question " + _question);
            }
            object result;
            return answer.TryGetValue("result", out result) ? result : null;
        }

        /// <summary>Notes an edit that the host called certain.</summary>
        /// <param name="text">What is written; null for the number.</param>
        private bool TryEdit(int edit, string text, int number)
        {
            lock (_outbox.Gate)
            {
                JsonWriter json = _outbox.Edits;
                int mark = json.Length;
                json.Raw(mark > 0 ? ",[" : "[").Number(edit).Raw(",");
                bool isSent = text == null || json.TryText(text);
                if (text == null)
                {
                    json.Number(number);
                }
                json.Raw("]");
                if (!isSent || json.Length - mark > _outbox.LongestEdits)
                {
                    json.Length = mark;
                    return false;
                }
                _outbox.EndEdit(mark);
                return true;
            }
        }

        private bool TryAsk(string call, string argument, string second, int shape, int number)
        {
            lock (_outbox.Gate)
            {
                if ((long)argument.Length + (second == null ? 0 : second.Length) >= _outbox.MaxLineBytes)
                {
                    return false;
                }
                int mark = _outbox.Begin();
                JsonWriter json = _outbox.Out;
                json.Raw("{\"jsonrpc\":\"2.0\",\"id\":").Number(_question + 1);
                json.Raw(",\"method\":\"").Raw(call).Raw("\",\"params\":[");
                bool isSent = json.TryText(argument);
                if (isSent && shape == 2)
                {
                    json.Raw(",");
                    isSent = json.TryText(second);
                }
                else if (shape == 3)
                {
                    json.Raw(",").Number(number);
                }
                json.Raw("]}");
                if (!isSent || !_outbox.Fits(mark))
                {
                    _outbox.TakeBack(mark);
                    return false;
                }
                _question++;
                _outbox.EndTurn(mark);
                return true;
            }
        }

        private static Exception Lost(string why)
        {
            // The turn order is broken or the runner has gone: no later line can be believed.
            Console.Error.WriteLine("bridge: " + why);
            Native.EndGroup();
            return new InvalidOperationException(why);
        }
    }
}
