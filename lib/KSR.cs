// What KSR.dll has beside the functions of Kamailio, which are generated from the lists in runner/ksr: the value that
// may be a number, a text or nothing, the exception, KSR.x, and how a function asks the host.
//
// Unlike SR.dll, which never throws, a call of KSR that Kamailio did not make is an exception: most functions of KEMI
// say with their number what they did, and none of these numbers means "there is no such function".

using System;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;

namespace SR
{
    /// <summary>A call that Kamailio did not make. The message says why, and what to do about it.</summary>
    public sealed class KsrException : Exception
    {
        internal KsrException(string message) : base(message)
        {
        }
    }

    /// <summary>What a function of Kamailio gives that may be a number, a text or nothing.</summary>
    /// <remarks>
    /// It becomes a <c>string</c> by itself; a number or a truth value only where the script asks for it:
    /// <c>(int)KSR.pv.get("$var(n)")</c>. <c>==</c> compares kind and value, as in Lua and Python: the number 200 is
    /// neither the text "200" nor nothing.
    /// </remarks>
    public struct XVal : IEquatable<XVal>
    {
        private readonly string _text;
        private readonly long _number;
        private readonly bool _isNumber;

        internal XVal(object value)
        {
            _text = value as string;
            _isNumber = value is long || value is bool;
            _number = value is long ? (long)value : value is bool && (bool)value ? 1 : 0;
        }

        /// <summary>True when it is nothing, for example the value of a variable that is not set.</summary>
        public bool IsNull
        {
            get { return _text == null && !_isNumber; }
        }

        /// <summary>True when it is a number. A truth value is one, too: 1 or 0.</summary>
        public bool IsNumber
        {
            get { return _isNumber; }
        }

        /// <summary>True when it is a text, the empty one included.</summary>
        public bool IsText
        {
            get { return _text != null; }
        }

        /// <summary>The text, or the digits of the number; null when it is nothing.</summary>
        public static implicit operator string(XVal value)
        {
            return value._isNumber ? value._number.ToString(CultureInfo.InvariantCulture) : value._text;
        }

        /// <summary>The number, or that which the text has in decimal digits.</summary>
        /// <exception cref="InvalidCastException">It is nothing, or another text.</exception>
        public static explicit operator long(XVal value)
        {
            long number = value._number;
            if (value._isNumber
                || long.TryParse(value._text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number))
            {
                return number;
            }
            throw new InvalidCastException("expected a number, got " + (value.IsNull ? "nothing" : "\"" + value._text + "\""));
        }

        /// <summary>The number, or that which the text has in decimal digits.</summary>
        /// <exception cref="InvalidCastException">It is nothing, or another text.</exception>
        /// <exception cref="OverflowException">It does not fit into 32 bits.</exception>
        public static explicit operator int(XVal value)
        {
            return checked((int)(long)value);
        }

        /// <summary>False for nothing, 0 and the empty text, as in a routing script and in Python; else true.</summary>
        public static explicit operator bool(XVal value)
        {
            return value._number != 0 || !string.IsNullOrEmpty(value._text);
        }

        /// <summary>True for the same number, the same text, or twice nothing.</summary>
        public static bool operator ==(XVal one, XVal other)
        {
            return one.Equals(other);
        }

        /// <summary>The opposite of <c>==</c>.</summary>
        public static bool operator !=(XVal one, XVal other)
        {
            return !one.Equals(other);
        }

        /// <summary>True for this text. Null is nothing.</summary>
        public static bool operator ==(XVal value, string text)
        {
            return !value._isNumber && value._text == text;
        }

        /// <summary>The opposite of <c>==</c>.</summary>
        public static bool operator !=(XVal value, string text)
        {
            return !(value == text);
        }

        /// <summary>True for this text. Null is nothing.</summary>
        public static bool operator ==(string text, XVal value)
        {
            return value == text;
        }

        /// <summary>The opposite of <c>==</c>.</summary>
        public static bool operator !=(string text, XVal value)
        {
            return !(value == text);
        }

        /// <summary>True for this number.</summary>
        public static bool operator ==(XVal value, long number)
        {
            return value._isNumber && value._number == number;
        }

        /// <summary>The opposite of <c>==</c>.</summary>
        public static bool operator !=(XVal value, long number)
        {
            return !(value == number);
        }

        /// <summary>True for this number.</summary>
        public static bool operator ==(long number, XVal value)
        {
            return value == number;
        }

        /// <summary>The opposite of <c>==</c>.</summary>
        public static bool operator !=(long number, XVal value)
        {
            return !(value == number);
        }

        /// <summary>True for the same number, the same text, or twice nothing.</summary>
        public bool Equals(XVal other)
        {
            return _isNumber == other._isNumber && _number == other._number && _text == other._text;
        }

        /// <summary>True for an equal <c>XVal</c>, the same text or the same number; null is nothing.</summary>
        public override bool Equals(object other)
        {
            if (other == null || other is string)
            {
                return this == (string)other;
            }
            return other is XVal ? Equals((XVal)other) : other is int ? this == (int)other : other is long && this == (long)other;
        }

        /// <summary>As that of the number or the text; 0 when it is nothing.</summary>
        public override int GetHashCode()
        {
            return _isNumber ? _number.GetHashCode() : _text == null ? 0 : _text.GetHashCode();
        }

        /// <summary>The text, or the digits of the number; empty when it is nothing.</summary>
        public override string ToString()
        {
            return (string)this ?? "";
        }
    }

    /// <summary>How a function of KSR.dll asks the host, and what its answer is in C#.</summary>
    internal static class Ask
    {
        internal static void None(bool reads, string function, params object[] arguments)
        {
            Answer(reads, function, arguments);
        }

        internal static XVal XVal(bool reads, string function, params object[] arguments)
        {
            return new XVal(Answer(reads, function, arguments));
        }

        internal static string Str(bool reads, string function, params object[] arguments)
        {
            return XVal(reads, function, arguments);
        }

        internal static int Int(bool reads, string function, params object[] arguments)
        {
            object answer = Answer(reads, function, arguments);
            return answer is bool ? ((bool)answer ? 1 : 0) : answer is long ? unchecked((int)(long)answer) : 0;
        }

        internal static bool Bool(bool reads, string function, params object[] arguments)
        {
            object answer = Answer(reads, function, arguments);
            return answer is bool ? (bool)answer : answer is long && (long)answer > 0; // SR_KEMI_TRUE is 1, SR_KEMI_FALSE -1
        }

        private static object Answer(bool reads, string function, object[] arguments)
        {
            string refusal;
            object answer = Host.Ksr(reads, function, out refusal, arguments);
            if (refusal != null)
            {
                throw new KsrException(refusal);
            }
            return answer;
        }
    }
}

namespace SR.KsrModules
{
    /// <summary><c>KSR.x</c>: the end of the script.</summary>
    public sealed class XModule
    {
        internal XModule()
        {
        }

        /// <summary>Ends the script, from any depth of calls, and with it the routing of the message.</summary>
        /// <exception cref="KsrException">It is called in a static constructor, which must not end before its end.</exception>
        public void exit()
        {
            Leave(false);
        }

        /// <summary>As <see cref="exit"/>, and the message is dropped: a reply or a branch is not sent on.</summary>
        public void drop()
        {
            Leave(true);
        }

        /// <summary>Crashes Kamailio, so it cannot be called.</summary>
        [Obsolete("KSR.x.modf crashes Kamailio: call KSR.module.function(...), or SR.Core.ModF(name, arguments)", true)]
        public int modf(string name, params string[] arguments)
        {
            return -127;
        }

        private static void Leave(bool drops)
        {
            Host host = Host.Current;
            if (host == null)
            {
                throw new KsrException("KSR.x: this program was not started by app-mono");
            }
            Type broken = TypeBeingMade(host.GetType().Assembly);
            if (broken != null)
            {
                throw new KsrException("KSR.x: a static constructor cannot end the script, here that of " + broken.FullName);
            }
            host.Exit(drops);
        }

        // The type whose static constructor runs on this thread, within the exec that the bridge has started here last;
        // null for none. What ends a static constructor makes its type unusable for the life of the process.
        private static Type TypeBeingMade(Assembly bridge)
        {
            // Frame by frame, as the first few decide: all of a StackTrace take 25 us.
            for (int depth = 1; ; depth++)
            {
                MethodBase method = new StackFrame(depth, false).GetMethod();
                Type type = method == null ? null : method.DeclaringType;
                if (type == null || type.Assembly == bridge)
                {
                    return null;
                }
                if (method is ConstructorInfo && method.IsStatic)
                {
                    return type;
                }
            }
        }
    }
}
