using System;
using System.Collections.Generic;
using System.Configuration;
using System.IO;
using System.Reflection;

namespace SRBridge
{
    /// <summary>Loads generations of scripts and the helper assemblies they need, from the runner's copies.</summary>
    /// <remarks>
    /// Mono binds a simple assembly name once per process, so a helper that was loaded stays. The runner knows what each
    /// worker is bound to and never sends a generation that conflicts.
    /// </remarks>
    internal sealed class Loader
    {
        private static readonly Dictionary<string, string> NoFiles = new Dictionary<string, string>();

        private readonly Dictionary<string, Assembly> _bound = new Dictionary<string, Assembly>();
        private readonly Dictionary<string, Script> _scripts = new Dictionary<string, Script>();
        private readonly Dictionary<string, string> _generationOf = new Dictionary<string, string>();
        private readonly Copies _copies;
        private readonly Mirror _mirror;
        private string _unfinishedHash;
        private Assembly _unfinished;

        /// <summary>The running script; null between execs.</summary>
        internal Script Running;

        /// <summary>Prepares a script that was loaded, before it can run. An exception from here fails the load.</summary>
        internal Action<Script, List<Assembly>> Prepare = (script, assemblies) => { };

        /// <summary>Asks the runner for an assembly beside the running script. Returns the hash of its copy, or null.</summary>
        internal Func<string, string> Ask = name => null;

        internal Loader(Copies copies, Mirror mirror)
        {
            _copies = copies;
            _mirror = mirror;
            AppDomain.CurrentDomain.AssemblyResolve += Resolve;
        }

        /// <summary>The script of a generation; null when it was not loaded or has been replaced.</summary>
        internal Script Find(string generation)
        {
            Script script;
            return _scripts.TryGetValue(generation, out script) ? script : null;
        }

        /// <summary>Loads one generation.</summary>
        /// <param name="wanted">The parameters of <c>load</c>, see docs/protocol.md.</param>
        /// <returns>The names of the assemblies that it needs and that did not come; empty when it is loaded.</returns>
        /// <exception cref="InvalidScriptException">A file is not an assembly, or there is no Main.</exception>
        internal List<string> Load(JsonObject wanted)
        {
            string path = (string)wanted["path"];
            string hash = (string)wanted["file"];
            byte[] bytes = _copies.Read(hash, path);
            byte[] symbols = _copies.Read(wanted["symbols"] as string, path);
            string configHash = wanted["config"] as string;
            byte[] config = _copies.Read(configHash, path + ".config");
            var helpers = (JsonObject)wanted["helpers"];
            Dictionary<string, string> files = Files(wanted, path);
            // A helper may ask for its caller's place; a script that names files asks for it.
            bool hasPlace = Mirror.IsNeeded(bytes) || helpers.Count > 0 || files.Count > 0;
            Func<Assembly> load = () => LoadFrom(path, bytes, symbols, config, hasPlace ? files : null);
            Assembly main = hash == _unfinishedHash && !hasPlace ? _unfinished : load();

            var compiled = new List<Assembly> { main };
            var needs = new List<string>();
            Bind(main, helpers, compiled, needs);
            _unfinishedHash = needs.Count > 0 ? hash : null;
            _unfinished = needs.Count > 0 ? main : null;
            if (needs.Count > 0)
            {
                return needs;
            }

            foreach (Assembly assembly in compiled)
            {
                InternalCalls.RegisterFor(assembly, path);
            }
            Configuration opened = config == null ? null : ScriptConfig.Open(_copies.PathOf(configHash, path), path);
            var script = new Script(path, main, load, _mirror.Forget, opened, files.Count > 0);
            Prepare(script, compiled);
            Keep(path, (string)wanted["generation"], script);
            return needs;
        }

        /// <summary>Forgets a script that will not run again. Mono keeps its assemblies.</summary>
        internal void Drop(string path)
        {
            string generation;
            if (_generationOf.TryGetValue(path, out generation))
            {
                _scripts[generation].Forget();
                _scripts.Remove(generation);
                _generationOf.Remove(path);
            }
        }

        private void Keep(string path, string generation, Script script)
        {
            Drop(path);
            _generationOf[path] = generation;
            _scripts[generation] = script;
        }

        private void Bind(Assembly from, JsonObject helpers, List<Assembly> compiled, List<string> needs)
        {
            foreach (AssemblyName reference in from.GetReferencedAssemblies())
            {
                string name = reference.Name;
                object given;
                if (IsOurs(name) || needs.Contains(name))
                {
                    continue;
                }
                if (helpers.TryGetValue(name, out given))
                {
                    var helper = given as JsonObject;
                    if (helper != null && !compiled.Contains(Helper(name, helper)))
                    {
                        compiled.Add(_bound[name]);
                        Bind(_bound[name], helpers, compiled, needs);
                    }
                }
                else if (_bound.ContainsKey(name) || !IsKnownToRuntime(reference))
                {
                    needs.Add(name);
                }
            }
        }

        private Assembly Helper(string name, JsonObject helper)
        {
            Assembly assembly;
            if (!_bound.TryGetValue(name, out assembly))
            {
                string path = (string)helper["path"];
                assembly = LoadFrom(
                    path, _copies.Read((string)helper["file"], path), _copies.Read(helper["symbols"] as string, path), null, NoFiles);
                _bound[name] = assembly;
            }
            return assembly;
        }

        /// <summary>Whether an assembly is one of those beside the bridge, which mono finds there when it is needed.</summary>
        internal static bool IsOurs(string name)
        {
            return name == "SR" || name == "KSR";
        }

        private static bool IsKnownToRuntime(AssemblyName reference)
        {
            try
            {
                return Assembly.Load(reference) != null;
            }
            catch (IOException)
            {
                return false;
            }
            catch (BadImageFormatException)
            {
                return false;
            }
        }

        /// <summary>Mono asks here for what it cannot find: helpers, and plug-ins that are loaded by name.</summary>
        private Assembly Resolve(object sender, ResolveEventArgs wanted)
        {
            string name = new AssemblyName(wanted.Name).Name;
            Assembly assembly;
            lock (_bound)
            {
                if (_bound.TryGetValue(name, out assembly))
                {
                    return assembly;
                }
            }
            Script script = Running;
            if (script == null || IsOurs(name) || name.EndsWith(".resources", StringComparison.Ordinal))
            {
                return null;
            }
            string hash = Ask(name); // without the lock: who asks may have to wait for an exec that asks as well
            if (hash == null)
            {
                return null;
            }
            lock (_bound)
            {
                if (!_bound.TryGetValue(name, out assembly))
                {
                    string path = Path.Combine(Path.GetDirectoryName(script.Path), name + ".dll");
                    assembly = LoadFrom(path, _copies.Read(hash, script.Path), null, null, NoFiles);
                    _bound[name] = assembly;
                }
                return assembly;
            }
        }

        /// <summary>The copies of the files that a script says it reads, by their names.</summary>
        private Dictionary<string, string> Files(JsonObject wanted, string path)
        {
            object given;
            if (!wanted.TryGetValue("files", out given))
            {
                return NoFiles;
            }
            var files = new Dictionary<string, string>();
            var hashes = (JsonObject)given;
            foreach (string name in hashes.Names)
            {
                files[name] = _copies.PathOf((string)hashes[name], path);
            }
            return files;
        }

        /// <param name="files">What is linked beside it as well, by name; null for an assembly that asks for no place.</param>
        private Assembly LoadFrom(string path, byte[] bytes, byte[] symbols, byte[] config, Dictionary<string, string> files)
        {
            try
            {
                return files != null ? _mirror.Load(path, bytes, symbols, config, files) : Assembly.Load(bytes, symbols);
            }
            catch (Exception error) when (error is BadImageFormatException || error is IOException)
            {
                throw new InvalidScriptException(path + ": not a .NET assembly that can be loaded: " + error.Message, error);
            }
        }
    }
}
