// The mono side of a worker: claims the wire, warms itself, says ready, then loads and runs scripts, one at a time.
//
// Native.cs   the few calls of libc        JsonReader.cs, JsonWriter.cs  one line of JSON in, one out
// Wire.cs     lines of the runner          Outbox.cs  lines to it, in batches
// WireWatch.cs  hang-up                     Calls.cs   a script's SR calls over the wire
// Foresight.cs  what came with the exec    StrayThreads.cs  threads that outlive their Main
// Loader.cs   generations and helpers      Script.cs  one loaded generation and its Main
// ScriptConfig.cs  X.exe.config            ProcessState.cs  what a script may not change for the next one
// ExecRequest.cs  what an exec asks for    Copies.cs  the runner's copies, compared with their hashes
// Mirror.cs   directories that look like a script's own
// WarmUp.cs   what is run once before ready  InternalCalls.cs  programs with an SR.cs of their own

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Reflection;
using System.Threading;

namespace SRBridge
{
    /// <summary>One worker process.</summary>
    internal sealed class Bridge
    {
        private const int Protocol = 2;
        private const int ScriptThrew = -32000;
        private const int ScriptCannotRun = -32001;
        private const int InvalidRequest = -32600;
        private const int DefaultMaxLineBytes = 8 * 1024 * 1024;

        private static readonly string[] NoArguments = new string[0];

        private readonly Wire _wire;
        private readonly Outbox _outbox;
        private readonly Calls _calls;
        private readonly Loader _loader;
        private readonly JsonReader _reader = new JsonReader();
        private readonly ExecRequest _request = new ExecRequest();
        private readonly StrayThreads _strays;
        private readonly ProcessState _state;

        internal Bridge(Wire wire, Outbox outbox, WireWatch watch, Loader loader, StrayThreads strays, ProcessState state)
        {
            _state = state;
            _strays = strays;
            _wire = wire;
            _outbox = outbox;
            _loader = loader;
            _calls = new Calls(wire, outbox, watch);
            _loader.Ask = _calls.FindAssembly;
            _loader.Prepare = Prepare;
        }

        private static int Main(string[] arguments)
        {
            if (arguments.Length == 1 && arguments[0] == WarmUp.Argument)
            {
                return WarmUp.Run();
            }
            int maxLineBytes = arguments.Length > 0 ? int.Parse(arguments[0]) : DefaultMaxLineBytes;
            int reads, writes;
            Native.ClaimWire(out reads, out writes);
            var outbox = new Outbox(writes, maxLineBytes);
            var watch = new WireWatch(reads, outbox);
            Native.DieQuickly();
            StderrWriter.Install();
            var copies = new Copies(arguments.Length > 2 ? arguments[2] : ".");
            var loader = new Loader(copies, new Mirror(arguments.Length > 3 ? arguments[3] : null));
            var state = new ProcessState();
            WarmUp.Bridge(loader, copies, state, maxLineBytes);

            StrayThreads strays = arguments.Length > 1 && arguments[1] == "keep" ? null : new StrayThreads();
            AppDomain.CurrentDomain.ProcessExit += (sender, e) => outbox.SayExiting(Environment.ExitCode);
            watch.Start();
            // After the watch: Calls counts the threads that are the bridge's own.
            var bridge = new Bridge(new Wire(reads, maxLineBytes), outbox, watch, loader, strays, state);
            if (strays != null)
            {
                strays.HasAny(); // compiled before it is wanted
            }
            bridge.SayReady();
            bridge.Serve();
            Native.EndGroup();
            return 0;
        }

        private void SayReady()
        {
            lock (_outbox.Gate)
            {
                int mark = _outbox.Begin();
                _outbox.Out.Raw("{\"jsonrpc\":\"2.0\",\"method\":\"ready\",\"params\":{\"protocol\":").Number(Protocol);
                _outbox.Out.Raw(",\"runtime\":").Text(RuntimeVersion()).Raw(",\"pid\":").Number(Native.GetPid()).Raw("}}");
                _outbox.EndTurn(mark);
            }
        }

        private static string RuntimeVersion()
        {
            Type runtime = Type.GetType("Mono.Runtime");
            MethodInfo name = runtime == null ? null : runtime.GetMethod("GetDisplayName", BindingFlags.NonPublic | BindingFlags.Static);
            return name == null ? Environment.Version.ToString() : ((string)name.Invoke(null, null)).Split(' ')[0];
        }

        /// <summary>Answers requests until the wire ends.</summary>
        internal void Serve()
        {
            SR.Host.Current = _calls;
            while (true)
            {
                JsonObject request;
                try
                {
                    if (!_wire.NextLine())
                    {
                        return;
                    }
                    if (_request.TryRead(_reader, _wire.Received, _wire.LineStart, _wire.LineLength))
                    {
                        Exec(_request);
                        continue;
                    }
                    request = _reader.Read(_wire.Received, _wire.LineStart, _wire.LineLength) as JsonObject;
                    Answer((long)request["id"], (string)request["method"], (JsonObject)request["params"]);
                }
                catch (Exception error) when (error is InvalidDataException || error is KeyNotFoundException
                    || error is InvalidCastException || error is NullReferenceException)
                {
                    // A line that is no request: the runner and the bridge do not speak the same language any more.
                    Console.Error.WriteLine("bridge: expected a load or exec request: " + error.Message);
                    return;
                }
            }
        }

        private void Answer(long id, string method, JsonObject parameters)
        {
            switch (method)
            {
                case "load":
                    Load(id, parameters);
                    break;
                case "exec":
                    _request.Take(id, parameters);
                    Exec(_request);
                    break;
                default:
                    SayError(id, InvalidRequest, "expected load or exec, not " + method, null);
                    break;
            }
        }

        private void Load(long id, JsonObject wanted)
        {
            List<string> needs;
            try
            {
                needs = _loader.Load(wanted);
            }
            catch (InvalidScriptException error)
            {
                SayError(id, ScriptCannotRun, error.Message, error.InnerException);
                return;
            }
            lock (_outbox.Gate)
            {
                int mark = BeginResult(id);
                _outbox.Out.Raw("{\"needs\":[");
                for (int i = 0; i < needs.Count; i++)
                {
                    _outbox.Out.Raw(i == 0 ? "" : ",").Text(needs[i]);
                }
                _outbox.Out.Raw("]}}");
                _outbox.EndTurn(mark);
            }
        }

        private void Prepare(Script script, List<Assembly> assemblies)
        {
            int refused = _calls.RefusedAtLoad;
            Script.Compile(assemblies);
            if (_calls.RefusedAtLoad != refused)
            {
                // Compiling ran a static constructor that asks the host. As in app_mono it belongs into the first exec,
                // so the assembly is loaded again and not compiled ahead.
                script.Refresh();
            }
            try
            {
                script.Warm();
            }
            finally
            {
                _state.Restore();
            }
        }

        private void Exec(ExecRequest wanted)
        {
            long id = wanted.Id;
            Script script = _loader.Find(wanted.Generation);
            if (script == null)
            {
                SayError(id, ScriptCannotRun, "expected a generation that is loaded, not " + wanted.Generation, null);
                return;
            }
            string[] arguments = wanted.Param == null ? NoArguments : new[] { wanted.Param };
            long came = _wire.LineCame;
            Exception thrown = null;
            int code = 0;
            long began = 0;
            ScriptConfig.Use(script.Config);
            _state.Show(script);
            _loader.Running = script;
            try
            {
                if (wanted.IsFresh)
                {
                    script.Refresh();
                }
                if (wanted.Plan != null)
                {
                    script.Plan = new Plan(wanted.Plan);
                }
                _calls.ExecStarts(id, script.Plan, wanted.Values, wanted.Certain);
                began = Stopwatch.GetTimestamp();
                code = script.Run(arguments);
            }
            catch (ThreadAbortException error)
            {
                Thread.ResetAbort();
                thrown = error;
            }
            catch (Exception error)
            {
                thrown = error;
            }
            long ended = Stopwatch.GetTimestamp();
            _calls.ExecEnds();
            _loader.Running = null;
            string worn = RanOutOfMemory(thrown) ? "memory" : _strays != null && _strays.HasAny() ? "threads" : null;
            if (thrown == null)
            {
                SayCode(id, code, worn, wanted.IsProfiled ? new[] { began - came, ended - began - _calls.Waited } : null);
            }
            else
            {
                SayError(id, ScriptThrew, Summary(thrown), thrown, worn);
            }
            _state.Restore(); // now, for nobody waits any more
        }

        private static bool RanOutOfMemory(Exception thrown)
        {
            while (thrown != null && !(thrown is OutOfMemoryException))
            {
                thrown = thrown.InnerException;
            }
            return thrown != null;
        }

        private int BeginResult(long id)
        {
            int mark = _outbox.BeginResult();
            _outbox.Out.Raw("{\"jsonrpc\":\"2.0\",\"id\":").Number(id).Raw(",\"result\":");
            return mark;
        }

        /// <param name="worn">Why this process should be replaced; null for no reason.</param>
        /// <param name="spent">Ticks until Main began, and of Main without its waits; null when nobody asked.</param>
        private void SayCode(long id, int code, string worn, long[] spent)
        {
            lock (_outbox.Gate)
            {
                int mark = BeginResult(id);
                _outbox.Out.Raw("{\"code\":").Number(code).Raw(",\"used\":").Number(_calls.Used);
                _outbox.PutEdits();
                if (worn != null)
                {
                    _outbox.Out.Raw(",\"worn\":").Text(worn);
                }
                if (spent != null)
                {
                    const long nanoseconds = 1000000000;
                    _outbox.Out.Raw(",\"spent\":[").Number(spent[0] * nanoseconds / Stopwatch.Frequency).Raw(",");
                    _outbox.Out.Number(spent[1] * nanoseconds / Stopwatch.Frequency).Raw("]");
                }
                _outbox.Out.Raw("}}");
                _outbox.EndTurn(mark);
                _outbox.ExecId = 0;
            }
        }

        private void SayError(long id, int code, string message, Exception cause, string worn = null)
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
                    _outbox.Out.Raw(",\"stack\":").Text(Bounded(OwnFramesOnly(Described(cause.ToString))));
                    if (worn != null)
                    {
                        _outbox.Out.Raw(",\"worn\":").Text(worn);
                    }
                    _outbox.Out.Raw("}");
                }
                _outbox.Out.Raw("}}");
                _outbox.EndTurn(mark);
                _outbox.ExecId = 0;
            }
        }

        private static string Summary(Exception thrown)
        {
            return thrown.GetType().FullName + ": " + Described(() => thrown.Message);
        }

        /// <summary>A script's own exception may throw again when it is asked what it is.</summary>
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

        /// <summary>Ends a stack where the bridge's own frames begin: they say nothing about the script.</summary>
        private static string OwnFramesOnly(string stack)
        {
            var kept = new List<string>();
            foreach (string line in stack.Split('\n'))
            {
                if (line.StartsWith("  at SRBridge.", StringComparison.Ordinal))
                {
                    break;
                }
                kept.Add(line);
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
