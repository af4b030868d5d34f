// The mono side of a worker: takes over the wire, warms up, says ready, then loads and runs scripts, one at a time.
//
// The wire:   Wire.cs (reads)  Outbox.cs (writes)  WireWatch.cs (hang-up)  Replies.cs
//             JsonReader.cs  JsonObject.cs  JsonWriter.cs
// A load:     Loader.cs  Copies.cs  Mirror.cs (directories for assemblies)  Script.cs  Entry.cs  ScriptConfig.cs (X.exe.config)
//             InternalCalls.cs (programs with an SR.cs of their own)
// An exec:    ExecRequest.cs  Calls.cs, Callers.cs and Questions.cs (SR calls)  Foresight.cs and Plan.cs (values that came)
//             Places.cs (where a call is made)
// Afterwards: StrayThreads.cs  ProcessState.cs (what a script changed)
// The start:  WarmUp.cs  StderrWriter.cs  Native.cs (libc)

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
        private const int DefaultMaxLineBytes = 8 * 1024 * 1024;

        private readonly Wire _wire;
        private readonly Replies _replies;
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
            _replies = new Replies(outbox);
            _loader = loader;
            _calls = new Calls(wire, outbox, watch) { Run = Exec };
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
                strays.HasAny(); // compiles it before the first exec
            }
            bridge._replies.Ready();
            bridge.Serve();
            Native.EndGroup();
            return 0;
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
                    // The line is not a request, so the two sides no longer agree on the protocol.
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
                    _replies.Error(id, Replies.InvalidRequest, "expected load or exec, not " + method);
                    break;
            }
        }

        private void Load(long id, JsonObject wanted)
        {
            List<string> needs;
            try
            {
                _calls.Loads(id);
                needs = _loader.Load(wanted);
            }
            catch (InvalidScriptException error)
            {
                _replies.Error(id, Replies.ScriptCannotRun, error.Message, error.InnerException);
                return;
            }
            finally
            {
                _calls.Loads(0);
            }
            Script script = needs.Count == 0 ? _loader.Find((string)wanted["generation"]) : null;
            _replies.Loaded(id, needs, script == null ? null : script.Entries);
        }

        private void Prepare(Script script, List<Assembly> assemblies)
        {
            int refused = _calls.Callers.RefusedAtLoad;
            Script.Compile(assemblies);
            if (_calls.Callers.RefusedAtLoad != refused)
            {
                // Compiling ran a static constructor that asks the host. As in app_mono it has to run in the first
                // exec, so the assembly is loaded again and not compiled ahead.
                script.Refresh();
                _state.Show(script);
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
            Script script = _loader.Find(wanted.Generation);
            if (script == null)
            {
                string message = "expected a generation that is loaded, not " + wanted.Generation;
                _replies.Error(wanted.Id, Replies.ScriptCannotRun, message);
                return;
            }
            Entry entry = script.Find(wanted.Entry);
            if (entry == null)
            {
                string message = "expected an entry of " + script.Path + ", not " + (wanted.Entry ?? "Main");
                _replies.Error(wanted.Id, Replies.NoSuchEntry, message);
                return;
            }
            long came = _wire.LineCame;
            Exception thrown = null;
            int code = 0;
            long began = 0;
            int depth = _calls.Callers.Depth;
            Script outer = _loader.Running; // null unless this exec runs within another one
            RunsNow(script);
            try
            {
                if (wanted.IsFresh)
                {
                    script.Refresh();
                    _state.Show(script); // it may lie elsewhere now
                }
                if (wanted.Plan != null)
                {
                    entry.Plan = new Plan(wanted.Plan);
                }
                _calls.ExecStarts(wanted, entry.Plan);
                began = Stopwatch.GetTimestamp();
                code = entry.Run(wanted.Param);
            }
            catch (Exception error)
            {
                thrown = error;
                // Whatever the exception is: a finally block may throw another one, and a task keeps another thread's abort.
                if ((Thread.CurrentThread.ThreadState & System.Threading.ThreadState.AbortRequested) != 0)
                {
                    Thread.ResetAbort();
                }
            }
            long ended = Stopwatch.GetTimestamp();
            _calls.ExecEnds(depth);
            _loader.Running = outer;
            bool mayHaveStrays = outer == null && _strays != null;
            string retireReason = RanOutOfMemory(thrown) ? "memory" : mayHaveStrays && _strays.HasAny() ? "threads" : null;
            bool hasExited = began > 0 && _calls.Callers.HasExited;
            if (thrown == null || hasExited)
            {
                code = hasExited ? 0 : code;
                long[] spent = wanted.IsProfiled ? new[] { began - came, ended - began - _calls.Waited } : null;
                _replies.Returned(wanted.Id, code, _calls.Used, hasExited, retireReason, spent);
            }
            else
            {
                _replies.Threw(wanted.Id, thrown, retireReason);
            }
            if (outer != null)
            {
                RunsNow(outer);
                return;
            }
            _state.Restore(); // after the reply, when nobody is waiting
        }

        private void RunsNow(Script script)
        {
            ScriptConfig.Use(script.Config);
            _state.Show(script);
            _loader.Running = script;
        }

        private static bool RanOutOfMemory(Exception thrown)
        {
            while (thrown != null && !(thrown is OutOfMemoryException))
            {
                thrown = thrown.InnerException;
            }
            return thrown != null;
        }
    }
}
