using System;
using System.Collections.Generic;
using System.Configuration;
using System.IO;
using System.Reflection;

namespace SRBridge
{
    /// <summary>Loads generations of scripts and the helper assemblies they need, from the runner's copies.</summary>
    /// <remarks>
    /// Mono binds a simple assembly name once per process, so a helper once loaded stays; the runner knows what each
    /// worker is bound to and never sends a generation that conflicts.
    /// </remarks>
    internal sealed class Loader
    {
        private readonly Dictionary<string, Assembly> _bound = new Dictionary<string, Assembly>();
        private readonly Dictionary<string, Script> _scripts = new Dictionary<string, Script>();
        private readonly Dictionary<string, string> _generationOf = new Dictionary<string, string>();
        private string _unfinishedBlob;
        private Assembly _unfinished;

        /// <summary>The script that is running; null between execs.</summary>
        internal Script Running;

        internal Loader()
        {
            AppDomain.CurrentDomain.AssemblyResolve += Resolve;
        }

        /// <summary>The generation's script, or null when it was not loaded or has been replaced.</summary>
        internal Script Find(string generation)
        {
            Script script;
            return _scripts.TryGetValue(generation, out script) ? script : null;
        }

        /// <summary>Loads one generation.</summary>
        /// <returns>The names of assemblies it needs and was not given; empty when it is loaded.</returns>
        /// <exception cref="InvalidScriptException">A file is not an assembly, or there is no Main.</exception>
        internal List<string> Load(JsonObject wanted)
        {
            string path = (string)wanted["path"];
            string blob = (string)wanted["assembly"];
            byte[] bytes = ReadBlob(blob, path);
            byte[] symbols = ReadOptional(wanted["symbols"] as string);
            Assembly main = blob == _unfinishedBlob ? _unfinished : LoadBytes(bytes, symbols, path);

            var compiled = new List<Assembly> { main };
            var needs = new List<string>();
            Bind(main, (JsonObject)wanted["helpers"], compiled, needs);
            _unfinishedBlob = needs.Count > 0 ? blob : null;
            _unfinished = needs.Count > 0 ? main : null;
            if (needs.Count > 0)
            {
                return needs;
            }

            var script = new Script(path, bytes, symbols, main, ScriptConfig.Open(wanted["config"] as string, path));
            Script.Compile(compiled);
            Keep(path, (string)wanted["generation"], script);
            return needs;
        }

        private void Keep(string path, string generation, Script script)
        {
            string old;
            if (_generationOf.TryGetValue(path, out old))
            {
                _scripts.Remove(old);
            }
            _generationOf[path] = generation;
            _scripts[generation] = script;
        }

        private void Bind(Assembly from, JsonObject helpers, List<Assembly> compiled, List<string> needs)
        {
            foreach (AssemblyName reference in from.GetReferencedAssemblies())
            {
                string name = reference.Name;
                object given;
                if (name == "SR" || needs.Contains(name))
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
                assembly = LoadBytes(ReadBlob((string)helper["assembly"], path), ReadOptional(helper["symbols"] as string), path);
                _bound[name] = assembly;
            }
            return assembly;
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

        /// <summary>Mono asks here for what it does not find itself: helpers, and plug-ins loaded by name.</summary>
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
                Script script = Running;
                if (script == null || name == "SR" || name.EndsWith(".resources", StringComparison.Ordinal))
                {
                    return null;
                }
                foreach (string ending in new[] { ".dll", ".exe" })
                {
                    string path = Path.Combine(Path.GetDirectoryName(script.Path), name + ending);
                    if (File.Exists(path))
                    {
                        assembly = Assembly.Load(File.ReadAllBytes(path));
                        _bound[name] = assembly;
                        script.LoadedWhileRunning[name] = path;
                        return assembly;
                    }
                }
                return null;
            }
        }

        private static Assembly LoadBytes(byte[] bytes, byte[] symbols, string path)
        {
            try
            {
                return Assembly.Load(bytes, symbols);
            }
            catch (Exception error) when (error is BadImageFormatException || error is IOException)
            {
                throw new InvalidScriptException(path + ": not a .NET assembly that can be loaded: " + error.Message, error);
            }
        }

        private static byte[] ReadBlob(string blob, string path)
        {
            try
            {
                return File.ReadAllBytes(blob);
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
            {
                throw new InvalidScriptException(path + ": the runner's copy cannot be read: " + error.Message, error);
            }
        }

        private static byte[] ReadOptional(string blob)
        {
            return blob == null ? null : File.ReadAllBytes(blob);
        }
    }
}
