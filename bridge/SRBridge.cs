// The mono side of a worker: takes over the wire, warms up, says ready, then loads and runs scripts, one at a time.
//
// The wire:   Wire.cs (reads)  Outbox.cs (writes)  WireWatch.cs (hang-up)  Replies.cs
//             JsonReader.cs  JsonObject.cs  JsonWriter.cs
// A load:     Loader.cs  Copies.cs  Mirror.cs (directories for assemblies)  Script.cs  ScriptConfig.cs (X.exe.config)
//             InternalCalls.cs (programs with an SR.cs of their own)
// An exec:    ExecRequest.cs  Calls.cs and Questions.cs (SR calls)  Foresight.cs and Plan.cs (values that came ahead)
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

        private static readonly string[] NoArguments = new string[0];

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
                needs = _loader.Load(wanted);
            }
            catch (InvalidScriptException error)
            {
                _replies.Error(id, Replies.ScriptCannotRun, error.Message, error.InnerException);
                return;
            }
            _replies.Loaded(id, needs);
        }

        private void Prepare(Script script, List<Assembly> assemblies)
        {
            int refused = _calls.RefusedAtLoad;
            Script.Compile(assemblies);
            if (_calls.RefusedAtLoad != refused)
            {
                // Compiling ran a static constructor that asks the host. As in app_mono it has to run in the first
                // exec, so the assembly is loaded again and not compiled ahead.
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
            Script script = _loader.Find(wanted.Generation);
            if (script == null)
            {
                string message = "expected a generation that is loaded, not " + wanted.Generation;
                _replies.Error(wanted.Id, Replies.ScriptCannotRun, message);
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
                _calls.ExecStarts(wanted.Id, script.Plan, wanted.Values, wanted.Certain);
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
            string retireReason = RanOutOfMemory(thrown) ? "memory" : _strays != null && _strays.HasAny() ? "threads" : null;
            if (thrown == null)
            {
                long[] spent = wanted.IsProfiled ? new[] { began - came, ended - began - _calls.Waited } : null;
                _replies.Returned(wanted.Id, code, _calls.Used, retireReason, spent);
            }
            else
            {
                _replies.Threw(wanted.Id, thrown, retireReason);
            }
            _state.Restore(); // after the reply, when nobody is waiting
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
