using System;
using System.Collections.Generic;
using System.Configuration;
using System.Diagnostics;
using System.Reflection;
using System.Threading.Tasks;

namespace SRBridge
{
    /// <summary>A script cannot run: its file is not an assembly or has no Main, or a file that it needs does not load.</summary>
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

        private const BindingFlags Everything = BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic
            | BindingFlags.Static | BindingFlags.Instance;

        private readonly Func<Assembly> _load;
        private readonly Action<Assembly> _forget;
        private MethodInfo _entry;
        private Func<string[], int> _main;

        /// <summary>Where the script really lies.</summary>
        internal readonly string Path;

        /// <summary>What <c>X.exe.config</c> says; null when there is none.</summary>
        internal readonly Configuration Config;

        /// <summary>What travels with its execs; null until the runner has learned something.</summary>
        internal Plan Plan;

        /// <param name="path">Where the script really lies.</param>
        /// <param name="assembly">The assembly.</param>
        /// <param name="load">Loads the assembly once more.</param>
        /// <param name="forget">Called with each assembly that will not run again.</param>
        /// <param name="config">What <c>X.exe.config</c> says; null when there is none.</param>
        /// <exception cref="InvalidScriptException">The assembly has no Main that can be run.</exception>
        internal Script(
            string path, Assembly assembly, Func<Assembly> load, Action<Assembly> forget, Configuration config)
        {
            Path = path;
            _load = load;
            _forget = forget;
            Config = config;
            Take(assembly);
        }

        /// <summary>Gives the script's own assembly new statics by loading it again.</summary>
        internal void Refresh()
        {
            Forget();
            Take(_load());
        }

        /// <summary>Says that the assembly will not run again.</summary>
        internal void Forget()
        {
            _forget(_entry.DeclaringType.Assembly);
        }

        /// <summary>
        /// Runs <c>public static void Warm()</c> of Main's class, if there is one. It does what takes long the first time,
        /// before a call has to wait for it. There is no message, so SR calls return their error values.
        /// </summary>
        /// <exception cref="InvalidScriptException">It threw.</exception>
        internal void Warm()
        {
            MethodInfo warm = _entry.DeclaringType.GetMethod(
                "Warm", BindingFlags.Public | BindingFlags.Static, null, Type.EmptyTypes, null);
            if (warm == null || warm.ReturnType != typeof(void))
            {
                return;
            }
            ScriptConfig.Use(Config);
            try
            {
                Bind<Action>(warm)();
            }
            catch (Exception error)
            {
                throw new InvalidScriptException(Path + ": Warm() threw " + error.GetType().FullName + ": " + error.Message, error);
            }
        }

        private void Take(Assembly assembly)
        {
            _entry = assembly.EntryPoint;
            _main = MainOf(_entry, Path);
        }

        /// <summary>Runs Main. Whatever it throws leaves here.</summary>
        /// <returns>What Main returned; 0 when it returns nothing.</returns>
        internal int Run(string[] arguments)
        {
            return _main(arguments);
        }

        /// <summary>Compiles methods for up to 100 ms, so that the first exec does not pay for it.</summary>
        internal static void Compile(IEnumerable<Assembly> assemblies)
        {
            Stopwatch clock = Stopwatch.StartNew();
            foreach (Assembly assembly in assemblies)
            {
                foreach (Type type in TypesOf(assembly))
                {
                    if (type == null || type.ContainsGenericParameters || type.IsInterface)
                    {
                        continue;
                    }
                    foreach (MethodInfo method in type.GetMethods(Everything))
                    {
                        Compile(method);
                    }
                    foreach (ConstructorInfo constructor in type.GetConstructors(Everything))
                    {
                        Compile(constructor);
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
            if (method.IsAbstract || method.ContainsGenericParameters
                || (method.Attributes & MethodAttributes.PinvokeImpl) != 0
                || (method.GetMethodImplementationFlags() & MethodImplAttributes.InternalCall) != 0)
            {
                return;
            }
            try
            {
                // PrepareMethod does nothing on Mono 6.8; this compiles (measured).
                method.MethodHandle.GetFunctionPointer();
            }
            catch (Exception)
            {
                // A method that cannot be compiled fails when the script calls it, as it does without this.
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

        private static Func<string[], int> MainOf(MethodInfo entry, string path)
        {
            if (entry == null)
            {
                throw new InvalidScriptException(path + ": the assembly has no Main (is it a library?)", null);
            }
            ParameterInfo[] parameters = entry.GetParameters();
            bool takesArguments = parameters.Length == 1 && parameters[0].ParameterType == typeof(string[]);
            if (parameters.Length > 0 && !takesArguments)
            {
                throw new InvalidScriptException(path + ": expected Main() or Main(string[])", null);
            }
            if (entry.ReturnType == typeof(int))
            {
                return takesArguments ? Bind<Func<string[], int>>(entry) : Ignoring(Bind<Func<int>>(entry));
            }
            if (entry.ReturnType == typeof(uint))
            {
                return takesArguments ? Converting(Bind<Func<string[], uint>>(entry)) : Ignoring(Bind<Func<uint>>(entry));
            }
            if (entry.ReturnType == typeof(void))
            {
                return takesArguments ? Returning(Bind<Action<string[]>>(entry)) : Returning(Bind<Action>(entry));
            }
            if (entry.ReturnType == typeof(Task<int>))
            {
                return takesArguments ? Waiting(Bind<Func<string[], Task<int>>>(entry)) : Waiting(Bind<Func<Task<int>>>(entry));
            }
            if (entry.ReturnType == typeof(Task))
            {
                return takesArguments ? Waiting(Bind<Func<string[], Task>>(entry)) : Waiting(Bind<Func<Task>>(entry));
            }
            throw new InvalidScriptException(path + ": expected a Main that returns int, void or Task, not " + entry.ReturnType, null);
        }

        private static T Bind<T>(MethodInfo entry)
            where T : class
        {
            return Delegate.CreateDelegate(typeof(T), entry) as T;
        }

        private static Func<string[], int> Ignoring(Func<int> main)
        {
            return arguments => main();
        }

        private static Func<string[], int> Ignoring(Func<uint> main)
        {
            return arguments => unchecked((int)main());
        }

        private static Func<string[], int> Converting(Func<string[], uint> main)
        {
            return arguments => unchecked((int)main(arguments));
        }

        private static Func<string[], int> Returning(Action<string[]> main)
        {
            return arguments =>
            {
                main(arguments);
                return 0;
            };
        }

        private static Func<string[], int> Returning(Action main)
        {
            return arguments =>
            {
                main();
                return 0;
            };
        }

        private static Func<string[], int> Waiting(Func<string[], Task<int>> main)
        {
            return arguments => main(arguments).GetAwaiter().GetResult();
        }

        private static Func<string[], int> Waiting(Func<Task<int>> main)
        {
            return arguments => main().GetAwaiter().GetResult();
        }

        private static Func<string[], int> Waiting(Func<string[], Task> main)
        {
            return arguments =>
            {
                main(arguments).GetAwaiter().GetResult();
                return 0;
            };
        }

        private static Func<string[], int> Waiting(Func<Task> main)
        {
            return arguments =>
            {
                main().GetAwaiter().GetResult();
                return 0;
            };
        }
    }
}
