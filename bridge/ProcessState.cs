using System;
using System.Collections;
using System.Globalization;
using System.IO;
using System.Reflection;
using System.Threading;

namespace SRBridge
{
    /// <summary>What a script can change around itself by calls that outlive its exec, and the way back.</summary>
    /// <remarks>
    /// Made once, on the main thread, before any script runs. Looking costs a few references and a sum over the pointers
    /// of the environment; only what was changed is set again. The working directory costs a system call, when the
    /// answer is out: only a caller on the same CPU who goes on at once has it to pay (1.5 us of 50, measured).
    /// </remarks>
    internal sealed class Surroundings
    {
        private readonly CultureInfo _culture = CultureInfo.CurrentCulture;
        private readonly CultureInfo _uiCulture = CultureInfo.CurrentUICulture;
        private readonly CultureInfo _threadCulture = CultureInfo.DefaultThreadCurrentCulture;
        private readonly CultureInfo _threadUiCulture = CultureInfo.DefaultThreadCurrentUICulture;
        private readonly TextReader _in = Console.In;
        private readonly TextWriter _out = Console.Out;
        private readonly TextWriter _error = Console.Error;
        private readonly IDictionary _variables = Environment.GetEnvironmentVariables();
        private readonly int _directory = Native.OpenCurrentDirectory();
        private readonly AppDomainSetup _setup = SetupOfThisDomain();
        private long _sum = Native.EnvironmentSum();
        private Script _shown;

        /// <summary>
        /// Lets a script find itself where it really lies: the base directory of its domain, and the first word of the
        /// command line.
        /// </summary>
        internal void Show(Script script)
        {
            if (ReferenceEquals(script, _shown))
            {
                return;
            }
            _shown = script;
            if (_setup != null)
            {
                _setup.ApplicationBase = Path.GetDirectoryName(script.Path) + Path.DirectorySeparatorChar;
            }
            Native.SetCommandLine(script.Path);
        }

        /// <summary>Puts back what a script has changed. Called between two execs, on the main thread.</summary>
        internal void Restore()
        {
            if (!ReferenceEquals(CultureInfo.CurrentCulture, _culture))
            {
                Thread.CurrentThread.CurrentCulture = _culture;
            }
            if (!ReferenceEquals(CultureInfo.CurrentUICulture, _uiCulture))
            {
                Thread.CurrentThread.CurrentUICulture = _uiCulture;
            }
            if (!ReferenceEquals(CultureInfo.DefaultThreadCurrentCulture, _threadCulture))
            {
                CultureInfo.DefaultThreadCurrentCulture = _threadCulture;
            }
            if (!ReferenceEquals(CultureInfo.DefaultThreadCurrentUICulture, _threadUiCulture))
            {
                CultureInfo.DefaultThreadCurrentUICulture = _threadUiCulture;
            }
            if (!ReferenceEquals(Console.In, _in))
            {
                Console.SetIn(_in);
            }
            if (!ReferenceEquals(Console.Out, _out))
            {
                Console.SetOut(_out);
            }
            if (!ReferenceEquals(Console.Error, _error))
            {
                Console.SetError(_error);
            }
            Environment.ExitCode = 0;
            Native.GoTo(_directory);
            if (Native.EnvironmentSum() != _sum)
            {
                RestoreVariables();
                _sum = Native.EnvironmentSum();
            }
        }

        private void RestoreVariables()
        {
            foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
            {
                if (!_variables.Contains(variable.Key))
                {
                    Environment.SetEnvironmentVariable((string)variable.Key, null);
                }
            }
            foreach (DictionaryEntry variable in _variables)
            {
                if (Environment.GetEnvironmentVariable((string)variable.Key) != (string)variable.Value)
                {
                    Environment.SetEnvironmentVariable((string)variable.Key, (string)variable.Value);
                }
            }
        }

        /// <summary>What the domain itself reads; the public property gives a copy. Null where mono has none.</summary>
        private static AppDomainSetup SetupOfThisDomain()
        {
            PropertyInfo setup = typeof(AppDomain).GetProperty("SetupInformationNoCopy", BindingFlags.Instance | BindingFlags.NonPublic);
            return setup == null ? null : setup.GetValue(AppDomain.CurrentDomain, null) as AppDomainSetup;
        }
    }
}
