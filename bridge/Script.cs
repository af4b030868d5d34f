using System;
using System.Collections.Generic;
using System.Configuration;
using System.Diagnostics;
using System.Reflection;

namespace SRBridge
{
    /// <summary>
    /// A script cannot run: its file is not an assembly, has neither Main nor entries, or a file that it needs does not load.
    /// </summary>
    internal sealed class InvalidScriptException : Exception
    {
        internal InvalidScriptException(string message, Exception cause)
            : base(message, cause)
        {
        }
    }

    /// <summary>One generation of a script, loaded and ready to run.</summary>
    internal sealed class Script
    {
        private const int CompileBudgetMs = 100;
        private const int LongCompileMs = 5;

        private const BindingFlags Everything = BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic
            | BindingFlags.Static | BindingFlags.Instance;

        private readonly Func<Assembly> _load;
        private readonly Action<Assembly> _forget;
        private readonly Entry _main;
        private readonly bool _hasFiles;
        private readonly Dictionary<string, Entry> _entries;
        private Assembly _assembly;

        /// <summary>Where the script really lies.</summary>
        internal readonly string Path;

        /// <summary>What <c>X.exe.config</c> says; null when there is none.</summary>
        internal readonly Configuration Config;

        /// <summary>Where it finds what lies beside it: its path, or the copy of it that its files lie beside.</summary>
        internal string Place;

        /// <param name="path">Where the script really lies.</param>
        /// <param name="assembly">The assembly.</param>
        /// <param name="load">Loads the assembly once more.</param>
        /// <param name="forget">Called with each assembly that will not run again.</param>
        /// <param name="config">What <c>X.exe.config</c> says; null when there is none.</param>
        /// <param name="hasFiles">Whether files belong to its build.</param>
        /// <exception cref="InvalidScriptException">The assembly has neither entries nor a Main that can be run.</exception>
        internal Script(
            string path, Assembly assembly, Func<Assembly> load, Action<Assembly> forget, Configuration config, bool hasFiles)
        {
            _hasFiles = hasFiles;
            Path = path;
            _load = load;
            _forget = forget;
            Config = config;
            MoveTo(assembly);
            _entries = Entry.AllOf(TypesOf(assembly), assembly.EntryPoint);
            if (assembly.EntryPoint != null || _entries.Count == 0)
            {
                _main = new Entry(assembly.EntryPoint, path);
            }
        }

        /// <summary>The names of its entries.</summary>
        internal ICollection<string> Entries
        {
            get { return _entries.Keys; }
        }

        /// <summary>Finds what an exec runs.</summary>
        /// <param name="name">The name of an entry; null for Main.</param>
        /// <returns>Null when there is none.</returns>
        internal Entry Find(string name)
        {
            Entry entry;
            return name == null ? _main : _entries.TryGetValue(name, out entry) ? entry : null;
        }

        /// <summary>Gives the script's own assembly new statics by loading it again.</summary>
        internal void Refresh()
        {
            Forget();
            MoveTo(_load());
            if (_main != null)
            {
                _main.MoveTo(_assembly);
            }
            foreach (Entry entry in _entries.Values)
            {
                entry.MoveTo(_assembly);
            }
        }

        private void MoveTo(Assembly assembly)
        {
            _assembly = assembly;
            Place = _hasFiles && assembly.Location.Length > 0 ? assembly.Location : Path;
        }

        /// <summary>Says that the assembly will not run again.</summary>
        internal void Forget()
        {
            _forget(_assembly);
        }

        /// <summary>
        /// Runs <c>public static void Warm()</c> of Main's class, if there is one, or without a Main of each class that has
        /// entries. It does what takes long the first time, before a call has to wait for it. There is no message, so SR
        /// calls return their error values.
        /// </summary>
        /// <exception cref="InvalidScriptException">It threw.</exception>
        internal void Warm()
        {
            var types = new List<Type>();
            foreach (Entry entry in _main != null ? new[] { _main } : (IEnumerable<Entry>)_entries.Values)
            {
                if (!types.Contains(entry.Type))
                {
                    types.Add(entry.Type);
                }
            }
            foreach (Type type in types)
            {
                Warm(type);
            }
        }

        private void Warm(Type type)
        {
            MethodInfo warm = type.GetMethod(
                Entry.Warm, BindingFlags.Public | BindingFlags.Static, null, Type.EmptyTypes, null);
            if (warm == null || warm.ReturnType != typeof(void))
            {
                return;
            }
            ScriptConfig.Use(Config);
            try
            {
                Entry.Bind<Action>(warm)();
            }
            catch (Exception error)
            {
                throw new InvalidScriptException(Path + ": Warm() threw " + error.GetType().FullName + ": " + error.Message, error);
            }
        }

        /// <summary>
        /// Compiles methods for up to 100 ms, so that the first exec does not pay for it, nor for the garbage that this
        /// makes: that of sixty methods with LINQ cost one first exec in ten a collection of 2 to 3 ms (measured).
        /// </summary>
        internal static void Compile(IEnumerable<Assembly> assemblies)
        {
            Stopwatch clock = Stopwatch.StartNew();
            CompileAll(assemblies, clock);
            if (clock.ElapsedMilliseconds >= LongCompileMs)
            {
                GC.Collect(0);
            }
        }

        private static void CompileAll(IEnumerable<Assembly> assemblies, Stopwatch clock)
        {
            foreach (Assembly assembly in assemblies)
            {
                foreach (Type type in TypesOf(assembly))
                {
                    if (type == null || type.ContainsGenericParameters || type.IsInterface)
                    {
                        continue;
                    }
                    foreach (MethodBase method in MethodsOf(type))
                    {
                        Compile(method);
                    }
                    if (clock.ElapsedMilliseconds > CompileBudgetMs)
                    {
                        return;
                    }
                }
            }
        }

        private static void Compile(MethodBase method)
        {
            try
            {
                // First: Mono 6.8 crashes in ContainsGenericParameters when a type of the signature is missing (measured).
                method.GetParameters();
                if (method.IsAbstract || method.ContainsGenericParameters
                    || (method.Attributes & MethodAttributes.PinvokeImpl) != 0
                    || (method.GetMethodImplementationFlags() & MethodImplAttributes.InternalCall) != 0)
                {
                    return;
                }
                // PrepareMethod does nothing on Mono 6.8; this compiles (measured).
                method.MethodHandle.GetFunctionPointer();
            }
            catch (Exception)
            {
                // A method that cannot be compiled fails when the script calls it, as it does without this.
            }
        }

        private static IEnumerable<MethodBase> MethodsOf(Type type)
        {
            try
            {
                var methods = new List<MethodBase>(type.GetMethods(Everything));
                methods.AddRange(type.GetConstructors(Everything));
                return methods;
            }
            catch (Exception)
            {
                // A type with a field of a missing type fails when the script uses it.
                return new MethodBase[0];
            }
        }

        private static Type[] TypesOf(Assembly assembly)
        {
            try
            {
                return assembly.GetTypes();
            }
            catch (ReflectionTypeLoadException error)
            {
                return error.Types;
            }
        }
    }
}
