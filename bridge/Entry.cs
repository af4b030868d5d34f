using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace SRBridge
{
    /// <summary>One method of a script that an exec can run: Main, or an entry that the exec names.</summary>
    /// <remarks>
    /// An entry is a public static method that takes nothing or one string: what a routing script has in place of routes.
    /// Of several with one name the first one counts, and one of a public type before any other.
    /// </remarks>
    internal sealed class Entry
    {
        /// <summary>The method that runs at load; it is no entry.</summary>
        internal const string Warm = "Warm";

        // runner/wire/session.py takes as many at most.
        private const int MostEntries = 1000;
        private const int LongestName = 200;

        private static readonly string[] NoArguments = new string[0];
        private static readonly MethodInfo RunningAny = typeof(Entry).GetMethod(
            "Running", BindingFlags.Static | BindingFlags.NonPublic);

        private readonly int _token;
        private readonly string _mainOf;
        private Module _module;
        private Func<string, int> _run;

        /// <summary>What travels with its execs; null until the runner has learned something.</summary>
        internal Plan Plan;

        private Entry(MethodInfo method)
        {
            _token = method.MetadataToken;
            _module = method.Module;
        }

        /// <summary>A script's Main.</summary>
        /// <param name="main">The method; null when there is none.</param>
        /// <param name="path">The path of the script, for the error.</param>
        /// <exception cref="InvalidScriptException">It cannot be run.</exception>
        internal Entry(MethodInfo main, string path)
            : this(Existing(main, path))
        {
            _mainOf = path;
            _run = Bound();
        }

        /// <summary>The type that has the method.</summary>
        internal Type Type
        {
            get { return Method.DeclaringType; }
        }

        private MethodInfo Method
        {
            get { return (MethodInfo)_module.ResolveMethod(_token); }
        }

        /// <summary>Finds the entries of an assembly.</summary>
        /// <param name="types">Its types; one that cannot be loaded is null.</param>
        /// <param name="main">Its Main, which is no entry; null for none.</param>
        internal static Dictionary<string, Entry> AllOf(Type[] types, MethodInfo main)
        {
            var entries = new Dictionary<string, Entry>();
            IEnumerable<Type> loaded = types.Where(type => type != null && !type.ContainsGenericParameters);
            foreach (Type type in loaded.OrderBy(type => type.IsVisible ? 0 : 1))
            {
                foreach (MethodInfo method in type.GetMethods(BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.Static))
                {
                    if (entries.Count < MostEntries && !entries.ContainsKey(method.Name) && method != main && IsOne(method))
                    {
                        entries.Add(method.Name, new Entry(method));
                    }
                }
            }
            return entries;
        }

        /// <summary>Runs the same method of the assembly that takes the place of the one before, which has the same content.</summary>
        internal void MoveTo(Assembly again)
        {
            _module = again.ManifestModule;
            _run = null;
        }

        /// <summary>Runs the method. Whatever it throws leaves here.</summary>
        /// <param name="param">Its argument, where it takes one; null for none.</param>
        /// <returns>What it returned; 0 when that is no number.</returns>
        internal int Run(string param)
        {
            if (_run == null)
            {
                _run = Bound();
            }
            return _run(param);
        }

        private static MethodInfo Existing(MethodInfo main, string path)
        {
            if (main == null)
            {
                throw new InvalidScriptException(
                    path + ": the assembly has no Main, and no public static method that an exec could name (is it a library?)", null);
            }
            return main;
        }

        private static bool IsOne(MethodInfo method)
        {
            if (method.IsSpecialName || method.ContainsGenericParameters || method.Name == Warm || !IsName(method.Name)
                || (method.Attributes & MethodAttributes.PinvokeImpl) != 0
                || (method.GetMethodImplementationFlags() & MethodImplAttributes.InternalCall) != 0)
            {
                return false;
            }
            try
            {
                ParameterInfo[] parameters = method.GetParameters();
                return !method.ReturnType.IsByRef && !method.ReturnType.IsPointer
                    && (parameters.Length == 0 || parameters.Length == 1 && parameters[0].ParameterType == typeof(string));
            }
            catch (Exception error) when (error is TypeLoadException || error is IOException || error is BadImageFormatException)
            {
                return false; // a type in its signature is missing, so it could not be called either
            }
        }

        private static bool IsName(string name)
        {
            foreach (char c in name)
            {
                if (!(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'))
                {
                    return false;
                }
            }
            return name.Length <= LongestName;
        }

        private Func<string, int> Bound()
        {
            MethodInfo method = Method;
            if (_mainOf != null)
            {
                Func<string[], int> main = MainOf(method, _mainOf);
                return param => main(param == null ? NoArguments : new[] { param });
            }
            bool takesText = method.GetParameters().Length == 1;
            if (method.ReturnType == typeof(int))
            {
                return takesText ? Bind<Func<string, int>>(method) : Ignored(Bind<Func<int>>(method));
            }
            if (method.ReturnType == typeof(void))
            {
                return takesText ? Returned(Bind<Action<string>>(method)) : Returned(Bind<Action>(method));
            }
            return (Func<string, int>)RunningAny.MakeGenericMethod(method.ReturnType).Invoke(null, new object[] { method, takesText });
        }

        private static Func<string, int> Ignored(Func<int> run)
        {
            return param => run();
        }

        private static Func<string, int> Returned(Action<string> run)
        {
            return param =>
            {
                run(param);
                return 0;
            };
        }

        private static Func<string, int> Returned(Action run)
        {
            return param =>
            {
                run();
                return 0;
            };
        }

        private static Func<string[], int> MainOf(MethodInfo entry, string path)
        {
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

        /// <summary>The method as a delegate, which has the same parameters and result.</summary>
        internal static T Bind<T>(MethodInfo entry)
            where T : class
        {
            return Delegate.CreateDelegate(typeof(T), entry) as T;
        }

        /// <summary>Runs a method whose result does not count; a task is waited for.</summary>
        private static Func<string, int> Running<T>(MethodInfo method, bool takesText)
        {
            Func<string, T> run = takesText ? Bind<Func<string, T>>(method) : null;
            Func<T> plain = takesText ? null : Bind<Func<T>>(method);
            return param =>
            {
                var task = (takesText ? run(param) : plain()) as Task;
                if (task != null)
                {
                    task.GetAwaiter().GetResult();
                }
                return 0;
            };
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
