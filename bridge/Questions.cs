using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;

namespace SRBridge
{
    /// <summary>Asks the runner what a call needs, and waits for the answer. Used under the lock of the turn.</summary>
    /// <remarks>
    /// Before the answer another exec may come: what the script asked for runs a route that runs a script. It runs here, on
    /// the thread that waits.
    /// </remarks>
    internal sealed class Questions
    {
        private const int MostArguments = 6; // runner/calls.py, MOST_ARGUMENTS
        private const int MaxDepth = 8; // runner/wire/session.py, MAX_DEPTH

        private readonly Wire _wire;
        private readonly Outbox _outbox;
        private readonly JsonReader _reader = new JsonReader();
        private readonly ExecRequest[] _within = new ExecRequest[MaxDepth - 1];
        private int _depth;
        private long _question;

        /// <summary>Runs an exec within the one that waits.</summary>
        internal Action<ExecRequest> RunWithin;

        internal Questions(Wire wire, Outbox outbox)
        {
            _wire = wire;
            _outbox = outbox;
        }

        /// <summary>Time spent waiting for answers in this exec, in ticks of <see cref="Stopwatch"/>.</summary>
        internal long Waited;

        /// <summary>Sends a call as a question, which passes the turn.</summary>
        /// <param name="method">Its name on the wire.</param>
        /// <param name="name">Its first argument.</param>
        /// <param name="arguments">The others, each a <c>string</c>, an <c>int</c> or a <c>bool</c>.</param>
        /// <param name="inList">Whether the others travel as one list.</param>
        /// <returns>False when it does not fit into a line or cannot be written; nothing was sent.</returns>
        internal bool TryAsk(string method, string name, object[] arguments, bool inList = false)
        {
            lock (_outbox.Gate)
            {
                if (arguments.Length > MostArguments || LengthOf(name, arguments) >= _outbox.MaxLineBytes)
                {
                    return false;
                }
                int mark = _outbox.Begin();
                JsonWriter json = _outbox.Out;
                json.Raw("{\"jsonrpc\":\"2.0\",\"id\":").Number(_question + 1);
                json.Raw(",\"method\":\"").Raw(method).Raw("\",\"params\":[");
                bool isWritten = json.TryText(name);
                json.Raw(inList ? ",[" : "");
                for (int i = 0; isWritten && i < arguments.Length; i++)
                {
                    json.Raw(i == 0 && inList ? "" : ",");
                    isWritten = TryWrite(json, arguments[i]);
                }
                json.Raw(inList ? "]]" : "]");
                _outbox.EndCall();
                if (!isWritten || !_outbox.Fits(mark))
                {
                    _outbox.TakeBack(mark);
                    return false;
                }
                _question++;
                _outbox.EndTurn(mark);
                return true;
            }
        }

        /// <summary>Waits for the answer to the question that was just sent.</summary>
        /// <param name="refusal">Null; or, when the answer is an error, its text.</param>
        /// <returns>The result; null when it is null, or the answer is an error.</returns>
        internal object WaitForAnswer(out string refusal)
        {
            refusal = null;
            JsonObject answer;
            long question = _question;
            long asked = Stopwatch.GetTimestamp();
            try
            {
                while (IsExec(out answer))
                {
                    long waited = Waited;
                    RunWithin(_within[_depth++]);
                    _depth--;
                    Waited = waited;
                }
                Waited += Stopwatch.GetTimestamp() - asked;
            }
            catch (Exception error) when (error is InvalidDataException || error is KeyNotFoundException
                || error is InvalidCastException || error is NullReferenceException)
            {
                throw Lost("expected an answer or an exec: " + error.Message);
            }
            object id;
            if (answer == null || !answer.TryGetValue("id", out id) || !(id is long) || (long)id != question)
            {
                throw Lost("expected the answer to question " + question);
            }
            object result;
            if (answer.TryGetValue("result", out result))
            {
                return result;
            }
            refusal = "the call was refused";
            if (answer.TryGetValue("error", out result) && result is JsonObject
                && ((JsonObject)result).TryGetValue("message", out result) && result is string)
            {
                refusal = (string)result;
            }
            return null;
        }

        /// <summary>Waits for the next line, and looks whether it is an exec.</summary>
        /// <param name="other">Any other line, parsed; null at the end of the stream.</param>
        private bool IsExec(out JsonObject other)
        {
            other = null;
            if (!_wire.NextLine())
            {
                return false;
            }
            ExecRequest request = _depth == _within.Length ? null : _within[_depth] ?? (_within[_depth] = new ExecRequest());
            if (request != null && request.TryRead(_reader, _wire.Received, _wire.LineStart, _wire.LineLength))
            {
                return true;
            }
            other = _reader.Read(_wire.Received, _wire.LineStart, _wire.LineLength) as JsonObject;
            object method;
            if (request == null || other == null || !other.TryGetValue("method", out method) || (method as string) != "exec")
            {
                return false;
            }
            request.Take((long)other["id"], (JsonObject)other["params"]);
            return true;
        }

        private static long LengthOf(string name, object[] arguments)
        {
            long length = name.Length;
            foreach (object argument in arguments)
            {
                length += argument is string ? ((string)argument).Length : 0;
            }
            return length;
        }

        private static bool TryWrite(JsonWriter json, object argument)
        {
            if (argument is string)
            {
                return json.TryText((string)argument);
            }
            if (argument is int || argument is long)
            {
                json.Number(argument is int ? (int)argument : (long)argument);
            }
            else
            {
                json.Raw((bool)argument ? "true" : "false");
            }
            return true;
        }

        /// <summary>Ends the process: the turns are out of order or the runner has gone, so no later line can be trusted.</summary>
        private static Exception Lost(string why)
        {
            Console.Error.WriteLine("bridge: " + why);
            Native.EndGroup();
            return new InvalidOperationException(why);
        }
    }
}
