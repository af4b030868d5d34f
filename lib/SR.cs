// What a script sees of the SIP server: SR.Core, SR.PV and SR.HDR, the surface of Kamailio's app_mono.
//
// Builds alone (mcs -t:library SR.cs) and knows nothing of the wire: a bridge sets the Host. The public surface is
// app_mono's (15 methods, assembly SR, version 0.0.0.0), so programs built against Kamailio's own SR.dll run unchanged.
// Since then only one overload was added, of Core.ModF; everything else that is new is in KSR.dll.
//
// No public method throws. A call that fails returns its error value. So does a call that belongs to no exec: at load,
// from a thread that outlived its Main, or in a program that does not run under a bridge.

using System;
using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("SRBridge")]
[assembly: InternalsVisibleTo("KSR")]

namespace SR
{
    /// <summary>What a call does with its arguments.</summary>
    internal enum CallShape
    {
        /// <summary>Reads what its argument names, and changes nothing.</summary>
        Read,

        /// <summary>Assigns a text, its second argument, to the variable that the first one names.</summary>
        SetText,

        /// <summary>Assigns a number, its second argument, to the variable that the first one names.</summary>
        SetNumber,

        /// <summary>Adds or removes headers by the text of its argument.</summary>
        EditHeaders,

        /// <summary>Does what its argument names, and may change anything: unsets a variable, runs a function.</summary>
        Command
    }

    /// <summary>Answers the calls of a script. Implemented by the bridge.</summary>
    internal abstract class Host
    {
        /// <summary>The host of this process; null when the program does not run under a bridge.</summary>
        internal static volatile Host Current = null;

        /// <summary>Sends one log message; the script does not wait.</summary>
        internal abstract void Log(int level, string text);

        /// <summary>Reads a text.</summary>
        /// <returns>The text, or null when there is none or the call failed.</returns>
        internal abstract string AskText(string call, string argument);

        /// <summary>Makes a call of one argument.</summary>
        /// <returns>The number, or <paramref name="errorValue"/> when the call failed.</returns>
        internal abstract int AskNumber(string call, CallShape shape, string argument, int errorValue);

        /// <summary>Assigns a text.</summary>
        /// <returns>The number, or <paramref name="errorValue"/> when the call failed.</returns>
        internal abstract int AskNumber(string call, string argument, string second, int errorValue);

        /// <summary>Assigns a number.</summary>
        /// <returns>The number, or <paramref name="errorValue"/> when the call failed.</returns>
        internal abstract int AskNumber(string call, string argument, int second, int errorValue);

        /// <summary>Calls a module function with arguments, by its name and these.</summary>
        /// <returns>The number, or <paramref name="errorValue"/> when the call failed.</returns>
        internal abstract int AskModF(string name, string[] arguments, int errorValue);

        /// <summary>Calls a function of Kamailio's KEMI. For KSR.dll.</summary>
        /// <param name="reads">True when the function changes nothing.</param>
        /// <param name="function">Its name without <c>KSR.</c>, for example <c>tm.t_relay</c>.</param>
        /// <param name="arguments">Its arguments, each a <c>string</c>, an <c>int</c>, a <c>long</c> or a <c>bool</c>.</param>
        /// <param name="refusal">Null; or, when the function was not called, the sentence that says why.</param>
        /// <returns>A <c>string</c>, <c>long</c> or <c>bool</c>, or null.</returns>
        internal abstract object AskKsr(bool reads, string function, object[] arguments, out string refusal);

        /// <summary>Ends the script, from any depth. Outside an exec it does nothing. For KSR.dll.</summary>
        /// <param name="drops">Whether the message is dropped first.</param>
        internal abstract void Exit(bool drops);

        /// <summary>As <see cref="AskKsr"/>, of the current host.</summary>
        internal static object Ksr(bool reads, string function, out string refusal, params object[] arguments)
        {
            Host host = Current;
            int missing = Array.IndexOf(arguments, null);
            if (host == null)
            {
                refusal = "KSR." + function + ": this program was not started by app-mono";
                return null;
            }
            if (missing >= 0)
            {
                refusal = "KSR." + function + ": expected a text as argument " + (missing + 1) + ", got null";
                return null;
            }
            return host.AskKsr(reads, function, arguments, out refusal);
        }

        /// <summary>Reads a text from the current host.</summary>
        /// <returns>The text; null without a host, without an argument, or when the call failed.</returns>
        internal static string Text(string call, string argument)
        {
            Host host = Current;
            return host == null || argument == null ? null : host.AskText(call, argument);
        }

        /// <summary>Makes a call of one argument to the current host.</summary>
        /// <returns>The number; the error value without a host, without an argument, or when the call failed.</returns>
        internal static int Number(string call, CallShape shape, string argument, int errorValue)
        {
            Host host = Current;
            return host == null || argument == null ? errorValue : host.AskNumber(call, shape, argument, errorValue);
        }
    }

    /// <summary>The server itself: version, log, module functions.</summary>
    public class Core
    {
        private const int CannotRun = -127;

        /// <summary>The version of this interface, "1.0".</summary>
        public static string APIVersion()
        {
            return "1.0";
        }

        /// <summary>Writes <paramref name="text"/> to the server's log.</summary>
        /// <param name="level">-5 alert, -1 error, 0 warning, 1 notice, 2 info, 3 debug.</param>
        /// <param name="text">The text; null writes nothing.</param>
        public static void Log(int level, string text)
        {
            Host host = Host.Current;
            if (host != null && text != null)
            {
                host.Log(level, text);
            }
        }

        /// <summary>Writes an error (level -1) to the server's log; null writes nothing.</summary>
        public static void Err(string text)
        {
            Log(-1, text);
        }

        /// <summary>Writes a debug message (level 3) to the server's log; null writes nothing.</summary>
        public static void Dbg(string text)
        {
            Log(3, text);
        }

        /// <summary>Calls a function of a server module that takes no parameters.</summary>
        /// <returns>The function's own value; -127 when it cannot be called or the name is null.</returns>
        public static int ModF(string text)
        {
            return Host.Number("Core.ModF", CallShape.Command, text, CannotRun);
        }

        /// <summary>Calls a function of a server module with arguments, through Kamailio's KEMI.</summary>
        /// <param name="text">Its name in the routing script, which KEMI has, too.</param>
        /// <param name="arguments">Its arguments; numbers are written as texts.</param>
        /// <returns>The function's own value; -127 when it cannot be called, or the name or an argument is null.</returns>
        public static int ModF(string text, params string[] arguments)
        {
            Host host = Host.Current;
            bool isComplete = text != null && arguments != null && Array.IndexOf(arguments, null) < 0;
            return host == null || !isComplete ? CannotRun : host.AskModF(text, arguments, CannotRun);
        }
    }

    /// <summary>Pseudo-variables, by the names of the routing script, for example <c>$ru</c>.</summary>
    public class PV
    {
        /// <summary>The value as text; null when the value is null, or the name is bad or null.</summary>
        public static string GetS(string pvn)
        {
            return Host.Text("PV.GetS", pvn);
        }

        /// <summary>The value of a variable of integer type; 0 for everything else.</summary>
        /// <returns>
        /// The lower 32 bits of a number of 64 bits, which Kamailio has since 5.7: -1294967296 for 3000000000.
        /// <see cref="GetS"/> returns all its digits.
        /// </returns>
        public static int GetI(string pvn)
        {
            return Host.Number("PV.GetI", CallShape.Read, pvn, 0);
        }

        /// <summary>Assigns a text.</summary>
        /// <returns>0; -1 when it could not be assigned or an argument is null.</returns>
        public static int SetS(string pvn, string val)
        {
            Host host = Host.Current;
            return host == null || pvn == null || val == null ? -1 : host.AskNumber("PV.SetS", pvn, val, -1);
        }

        /// <summary>Assigns a number.</summary>
        /// <returns>0; -1 when it could not be assigned or the name is null.</returns>
        public static int SetI(string pvn, int val)
        {
            Host host = Host.Current;
            return host == null || pvn == null ? -1 : host.AskNumber("PV.SetI", pvn, val, -1);
        }

        /// <summary>Assigns null.</summary>
        /// <returns>0; -1 when the variable cannot be unset or the name is null.</returns>
        public static int Unset(string pvn)
        {
            return Host.Number("PV.Unset", CallShape.Command, pvn, -1);
        }

        /// <summary>1 when the value is null, 0 when it is not, -1 when the name is bad or null.</summary>
        public static int IsNull(string pvn)
        {
            return Host.Number("PV.IsNull", CallShape.Read, pvn, -1);
        }
    }

    /// <summary>Headers of the message, as raw text that ends with "\r\n".</summary>
    public class HDR
    {
        /// <summary>Adds a header after the last one.</summary>
        /// <returns>0; -1 when it cannot be added or the text is null.</returns>
        public static int Append(string hv)
        {
            return Host.Number("HDR.Append", CallShape.EditHeaders, hv, -1);
        }

        /// <summary>Removes every header of that name.</summary>
        /// <returns>0, also when there is none; -1 when they cannot be removed or the name is null.</returns>
        public static int Remove(string hv)
        {
            return Host.Number("HDR.Remove", CallShape.EditHeaders, hv, -1);
        }

        /// <summary>Adds a header after the first one.</summary>
        /// <returns>0; -1 when it cannot be added or the text is null.</returns>
        public static int Insert(string hv)
        {
            return Host.Number("HDR.Insert", CallShape.EditHeaders, hv, -1);
        }

        /// <summary>Adds a header to the reply that the server will send.</summary>
        /// <returns>0; -1 when it cannot be added or the text is null.</returns>
        public static int AppendToReply(string hv)
        {
            return Host.Number("HDR.AppendToReply", CallShape.EditHeaders, hv, -1);
        }
    }
}
