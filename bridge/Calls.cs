using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Threading;
using SR;

namespace SRBridge
{
    /// <summary>Answers the calls of a script, from what came with the exec or by asking over the wire.</summary>
    /// <remarks>
    /// A call counts only when it belongs to the running exec: made on the main thread during it, or on a thread or a
    /// task that descends from it. Every other call gets its error value and never touches the wire.
    ///
    /// KSR.x.exit() ends the script by aborting the exec's thread, so it passes every catch and runs every finally. On
    /// another thread of the exec it ends that thread, or its task; the exec's own ends at its next call, or when it returns.
    ///
    /// While a question waits for its answer, another exec may run within this one, on the thread that waits. Other
    /// threads of the exec that waits are like those that wait for the lock of the turn: they go on when it does.
    /// </remarks>
    internal sealed class Calls : Host
    {
        private static readonly object Zero = 0L;
        private static readonly object One = 1L;
        private static readonly object True = true;

        private readonly Wire _wire;
        private readonly Questions _questions;
        private readonly Outbox _outbox;
        private readonly WireWatch _watch;
        private readonly object _turn = new object();
        private readonly Foresight _ahead = new Foresight();

        // KSR.err(text) and its like are Core.Log with this level, which needs no answer.
        private static readonly Dictionary<string, int> Levels = new Dictionary<string, int>
        {
            { "crit", -2 }, { "err", -1 }, { "warn", 0 }, { "notice", 1 }, { "info", 2 }, { "dbg", 3 }
        };

        /// <summary>Whose calls count.</summary>
        internal readonly Callers Callers = new Callers();

        /// <summary>Runs an exec.</summary>
        internal Action<ExecRequest> Run;

        /// <param name="wire">The lines that come.</param>
        /// <param name="outbox">The messages that leave.</param>
        /// <param name="watch">Woken by each exec. All threads of the bridge itself have to be running by now.</param>
        internal Calls(Wire wire, Outbox outbox, WireWatch watch)
        {
            _wire = wire;
            _questions = new Questions(wire, outbox) { RunWithin = RunWithin };
            _outbox = outbox;
            _watch = watch;
        }

        /// <summary>The values that came with the exec and were used, as bits.</summary>
        internal long Used
        {
            get { return _ahead.Used; }
        }

        /// <summary>Time spent waiting for answers in this exec, in ticks of <see cref="Stopwatch"/>.</summary>
        internal long Waited
        {
            get { return _questions.Waited; }
        }

        /// <summary>An exit from now on ends this load; 0: none.</summary>
        internal void Loads(long id)
        {
            lock (_outbox.Gate)
            {
                _outbox.Loads(id);
            }
        }

        /// <summary>From now on calls are answered.</summary>
        /// <param name="request">Values that do not match the plan are ignored.</param>
        /// <param name="plan">What the runner has learned of what runs; null for nothing.</param>
        internal void ExecStarts(ExecRequest request, Plan plan)
        {
            _ahead.ExecStarts(plan, request.Values, request.Certain);
            _questions.Waited = 0;
            lock (_outbox.Gate)
            {
                _outbox.ExecStarts(request.Id, _wire.LineCame, request.IsTraced);
                _watch.ExecStarts();
            }
            Callers.Start();
        }

        /// <summary>
        /// From now on calls are outside an exec. Waits until the question of another thread, if there is one, is answered.
        /// </summary>
        /// <param name="depth">Its <see cref="SRBridge.Callers.Depth"/> when it started.</param>
        internal void ExecEnds(int depth)
        {
            lock (_turn)
            {
                while (Callers.Depth > depth)
                {
                    Monitor.Wait(_turn);
                }
                lock (_outbox.Gate)
                {
                    _outbox.LogDropped();
                    Callers.End();
                }
            }
        }

        internal override void Log(int level, string text)
        {
            lock (_outbox.Gate)
            {
                if (!Callers.Belongs() && !Callers.IsSuspended())
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
                _outbox.Out.Text(text.Length > longest ? text.Substring(0, longest) : text).Raw("]");
                _outbox.EndCall();
                _outbox.EndNotice(mark);
            }
        }

        internal override string AskText(string call, string argument)
        {
            return Answer(new Call(call, CallShape.Read, argument)) as string;
        }

        internal override int AskNumber(string call, CallShape shape, string argument, int errorValue)
        {
            return ToNumber(Answer(new Call(call, shape, argument)), errorValue);
        }

        internal override int AskNumber(string call, string argument, string second, int errorValue)
        {
            return ToNumber(Answer(new Call(call, CallShape.SetText, argument, second)), errorValue);
        }

        internal override int AskNumber(string call, string argument, int second, int errorValue)
        {
            return ToNumber(Answer(new Call(call, CallShape.SetNumber, argument, null, second)), errorValue);
        }

        internal override int AskModF(string name, string[] arguments, int errorValue)
        {
            lock (_turn)
            {
                if (!MayCall())
                {
                    return errorValue;
                }
                _ahead.Forget();
                string refusal;
                bool isAsked = _questions.TryAsk("Core.ModF", name, arguments);
                return isAsked ? ToNumber(_questions.WaitForAnswer(out refusal), errorValue) : errorValue;
            }
        }

        internal override object AskKsr(bool reads, string function, object[] arguments, out string refusal)
        {
            refusal = null;
            lock (_turn)
            {
                if (!MayCall())
                {
                    refusal = "KSR." + function + ": no exec is running, or it is not this thread's";
                    return null;
                }
                object value;
                int level;
                if (arguments.Length == 1 && arguments[0] is string && Levels.TryGetValue(function, out level))
                {
                    Log(level, (string)arguments[0]);
                    return null;
                }
                if (reads)
                {
                    if (IsNameOnly(arguments)
                        && _ahead.TryRead(function, arguments.Length == 0 ? "" : (string)arguments[0], out value))
                    {
                        return value;
                    }
                }
                else
                {
                    if (TryEdit(function, arguments, out value))
                    {
                        return value;
                    }
                    _ahead.Forget();
                }
                if (_questions.TryAsk("KSR", function, arguments, inList: true))
                {
                    return _questions.WaitForAnswer(out refusal);
                }
                refusal = "KSR." + function + ": its arguments are too long, or are no text that can be written";
                return null;
            }
        }

        internal override void Exit(bool drops)
        {
            string refusal;
            if (drops || _outbox.IsTraced) // a trace has the end as well
            {
                AskKsr(false, drops ? "set_drop" : "x.exit", new object[0], out refusal);
            }
            lock (_turn)
            {
                if (!MayCall())
                {
                    return;
                }
                Callers.Exit();
            }
            Callers.Abort();
        }

        private static bool IsNameOnly(object[] arguments)
        {
            return arguments.Length == 0 || arguments.Length == 1 && arguments[0] is string;
        }

        /// <summary>Makes the edits that other calls make, too, as they do: see <c>KSR_EDITS</c> in runner/calls.py.</summary>
        /// <returns>False when it is none of them, or the host has to be asked.</returns>
        private bool TryEdit(string function, object[] arguments, out object value)
        {
            string first = arguments.Length > 0 ? arguments[0] as string : null;
            object second = arguments.Length > 1 ? arguments[1] : null;
            value = True;
            if (first == null)
            {
                return false;
            }
            switch (function)
            {
                case "pv.sets":
                    return second is string && TryEdit(new Call("PV.SetS", CallShape.SetText, first, (string)second));
                case "pv.seti":
                    return second is int && TryEdit(new Call("PV.SetI", CallShape.SetNumber, first, null, (int)second));
                case "hdr.append":
                    value = One;
                    return TryEdit(new Call("HDR.Append", CallShape.EditHeaders, first));
                case "hdr.append_to_reply":
                    value = One;
                    return TryEdit(new Call("HDR.AppendToReply", CallShape.EditHeaders, first));
                default:
                    return false;
            }
        }

        /// <summary>Asks the runner for an assembly beside the running script.</summary>
        /// <returns>The hash of its copy; null when there is none, or no exec is running.</returns>
        internal string FindAssembly(string name)
        {
            return Answer(new Call("Helper.Find", CallShape.Read, name)) as string;
        }

        private static int ToNumber(object answer, int errorValue)
        {
            return answer is long ? unchecked((int)(long)answer) : errorValue;
        }

        /// <summary>Runs an exec within the one that waits for an answer, which goes on as it was.</summary>
        private void RunWithin(ExecRequest request)
        {
            long used = _ahead.Used;
            Outbox.OfExec outer;
            lock (_outbox.Gate)
            {
                outer = _outbox.Suspend();
                Callers.Suspend();
            }
            Monitor.Exit(_turn); // threads of the exec that comes make calls, too
            try
            {
                Run(request);
            }
            finally
            {
                Monitor.Enter(_turn);
                _ahead.Resume(used);
                lock (_outbox.Gate)
                {
                    _outbox.Resume(outer);
                    Callers.Resume();
                }
                Monitor.PulseAll(_turn);
            }
        }

        /// <summary>Whether this thread may make a call now; waits while its exec waits for one that runs within it.</summary>
        private bool MayCall()
        {
            while (!Callers.Belongs())
            {
                if (!Callers.IsSuspended())
                {
                    return false;
                }
                Monitor.Wait(_turn);
            }
            return true;
        }

        /// <summary>Answers a call from what came with the exec, as a certain edit, or by asking the host.</summary>
        /// <returns>The call's result; null when it failed or was refused.</returns>
        private object Answer(Call call)
        {
            lock (_turn)
            {
                if (!MayCall())
                {
                    return null;
                }
                if (call.Shape == CallShape.Read)
                {
                    object value;
                    if (_ahead.TryRead(call.Name, call.Argument, out value))
                    {
                        return value;
                    }
                }
                else
                {
                    if (TryEdit(call))
                    {
                        return Zero;
                    }
                    _ahead.Forget();
                }
                string refusal;
                return _questions.TryAsk(call.Name, call.Argument, call.MoreArguments) ? _questions.WaitForAnswer(out refusal) : null;
            }
        }

        /// <summary>Adds a certain edit to those that wait in the outbox.</summary>
        /// <returns>False when it is not certain, is too long or cannot be written; the host has to be asked.</returns>
        private bool TryEdit(Call call)
        {
            int edit = _ahead.CertainEdit(call);
            if (edit < 0)
            {
                return false;
            }
            lock (_outbox.Gate)
            {
                JsonWriter json = _outbox.Edits;
                int mark = json.Length;
                json.Raw(mark > 0 ? ",[" : "[").Number(edit).Raw(",");
                string text = call.Written;
                bool isWritten = text == null || json.TryText(text);
                if (text == null)
                {
                    json.Number(call.Number);
                }
                json.Raw("]");
                if (!isWritten || json.Length - mark > _outbox.LongestEdits)
                {
                    json.Length = mark;
                    return false;
                }
                _outbox.EndEdit(mark);
                return true;
            }
        }
    }
}
