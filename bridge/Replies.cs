using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Reflection;

namespace SRBridge
{
    /// <summary>What the bridge answers to the runner's requests. Each reply passes the turn.</summary>
    internal sealed class Replies
    {
        internal const int ScriptThrew = -32000;
        internal const int ScriptCannotRun = -32001;
        internal const int NoSuchEntry = -32002;
        internal const int InvalidRequest = -32600;
        private const int Protocol = 3;

        // What this bridge can, of what docs/protocol.md lets one leave out. It binds the name of a helper for good.
        private const string Can = "\"values\",\"edits\",\"entries\",\"profile\",\"within\",\"trace\"";

        private readonly Outbox _outbox;

        internal Replies(Outbox outbox)
        {
            _outbox = outbox;
        }

        /// <summary>Says, before any request, that the worker has warmed up.</summary>
        internal void Ready()
        {
            lock (_outbox.Gate)
            {
                int mark = _outbox.Begin();
                _outbox.Out.Raw("{\"jsonrpc\":\"2.0\",\"method\":\"ready\",\"params\":{\"protocol\":").Number(Protocol);
                _outbox.Out.Raw(",\"runtime\":").Text(RuntimeVersion()).Raw(",\"pid\":").Number(Native.GetPid());
                _outbox.Out.Raw(",\"can\":[").Raw(Can).Raw("]}}");
                _outbox.EndTurn(mark);
            }
        }

        /// <summary>Answers a load.</summary>
        /// <param name="id">The request.</param>
        /// <param name="needs">The assemblies that are missing; empty when the generation is loaded.</param>
        /// <param name="entries">The names of its entries; null when it is not loaded.</param>
        internal void Loaded(long id, ICollection<string> needs, ICollection<string> entries)
        {
            lock (_outbox.Gate)
            {
                int mark = BeginResult(id);
                _outbox.Out.Raw("{\"needs\":[");
                Put(needs);
                if (entries != null)
                {
                    _outbox.Out.Raw("],\"entries\":[");
                    Put(entries);
                }
                _outbox.Out.Raw("]}}");
                _outbox.EndTurn(mark);
            }
        }

        /// <summary>Answers an exec whose Main returned. The edits that wait go with it.</summary>
        /// <param name="id">The request.</param>
        /// <param name="code">What Main returned.</param>
        /// <param name="used">The values that came ahead and were used, as bits.</param>
        /// <param name="hasExited">Whether it ended by KSR.x.exit() or drop().</param>
        /// <param name="retireReason">Why this process should be replaced; null when it may go on.</param>
        /// <param name="spent">Ticks until Main began, and of Main without its waits; null when nobody asked.</param>
        internal void Returned(long id, int code, long used, bool hasExited, string retireReason, long[] spent)
        {
            lock (_outbox.Gate)
            {
                int mark = BeginResult(id);
                _outbox.Out.Raw("{\"code\":").Number(code).Raw(",\"used\":").Number(used);
                _outbox.PutEdits();
                _outbox.Out.Raw(hasExited ? ",\"exited\":true" : "");
                if (retireReason != null)
                {
                    _outbox.Out.Raw(",\"worn\":").Text(retireReason);
                }
                if (spent != null)
                {
                    const long nanoseconds = 1000000000;
                    _outbox.Out.Raw(",\"spent\":[").Number(spent[0] * nanoseconds / Stopwatch.Frequency).Raw(",");
                    _outbox.Out.Number(spent[1] * nanoseconds / Stopwatch.Frequency).Raw("]");
                }
                _outbox.Out.Raw("}}");
                _outbox.EndTurn(mark);
                _outbox.ExecEnds();
            }
        }

        /// <summary>Answers an exec whose Main threw.</summary>
        /// <param name="id">The request.</param>
        /// <param name="thrown">What it threw.</param>
        /// <param name="retireReason">Why this process should be replaced; null when it may go on.</param>
        internal void Threw(long id, Exception thrown, string retireReason)
        {
            string summary = thrown.GetType().FullName + ": " + Described(() => thrown.Message);
            Error(id, ScriptThrew, summary, thrown, retireReason);
        }

        /// <summary>Answers any request with an error.</summary>
        /// <param name="id">The request.</param>
        /// <param name="code">One of the constants of this class.</param>
        /// <param name="message">What was expected and what came.</param>
        /// <param name="cause">The exception behind it; null for none.</param>
        /// <param name="retireReason">Why this process should be replaced; null when it may go on, or without a cause.</param>
        internal void Error(long id, int code, string message, Exception cause = null, string retireReason = null)
        {
            lock (_outbox.Gate)
            {
                int mark = _outbox.Begin();
                _outbox.Out.Raw("{\"jsonrpc\":\"2.0\",\"id\":").Number(id).Raw(",\"error\":{\"code\":").Number(code);
                _outbox.Out.Raw(",\"message\":").Text(Bounded(message));
                if (cause != null)
                {
                    _outbox.Out.Raw(",\"data\":{\"type\":").Text(cause.GetType().FullName);
                    _outbox.Out.Raw(",\"message\":").Text(Bounded(Described(() => cause.Message)));
                    _outbox.Out.Raw(",\"stack\":").Text(Bounded(ScriptFramesOnly(Described(cause.ToString))));
                    if (retireReason != null)
                    {
                        _outbox.Out.Raw(",\"worn\":").Text(retireReason);
                    }
                    _outbox.Out.Raw("}");
                }
                _outbox.Out.Raw("}}");
                _outbox.EndTurn(mark);
                _outbox.ExecEnds();
            }
        }

        private void Put(ICollection<string> names)
        {
            string comma = "";
            foreach (string name in names)
            {
                _outbox.Out.Raw(comma).Text(name);
                comma = ",";
            }
        }

        private int BeginResult(long id)
        {
            int mark = _outbox.BeginResult();
            _outbox.Out.Raw("{\"jsonrpc\":\"2.0\",\"id\":").Number(id).Raw(",\"result\":");
            return mark;
        }

        private static string RuntimeVersion()
        {
            Type runtime = Type.GetType("Mono.Runtime");
            MethodInfo name = runtime == null ? null : runtime.GetMethod("GetDisplayName", BindingFlags.NonPublic | BindingFlags.Static);
            return name == null ? Environment.Version.ToString() : ((string)name.Invoke(null, null)).Split(' ')[0];
        }

        /// <summary>A description of a script's exception, which may itself throw.</summary>
        private static string Described(Func<string> describe)
        {
            try
            {
                return describe() ?? "";
            }
            catch (Exception error)
            {
                return "(no description: it threw " + error.GetType().FullName + ")";
            }
        }

        /// <summary>Cuts a stack where the bridge's own frames begin, and those of KSR.dll: they say nothing about the script.</summary>
        private static string ScriptFramesOnly(string stack)
        {
            var kept = new List<string>();
            foreach (string line in stack.Split('\n'))
            {
                if (line.StartsWith("  at SRBridge.", StringComparison.Ordinal))
                {
                    break;
                }
                if (!line.StartsWith("  at SR.Ask.", StringComparison.Ordinal)
                    && !line.StartsWith("  at SR.KSR.", StringComparison.Ordinal)
                    && !line.StartsWith("  at SR.KsrModules.", StringComparison.Ordinal))
                {
                    kept.Add(line);
                }
            }
            return string.Join("\n", kept).TrimEnd();
        }

        private string Bounded(string text)
        {
            int longest = _outbox.MaxLineBytes / 32;
            return text.Length > longest ? text.Substring(0, longest) + " ..." : text;
        }
    }
}
