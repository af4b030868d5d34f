using System;
using System.Linq;
using System.Reflection;
using SR;

/// <summary>
/// Calls one function of KSR by its name, as a script would that names it, and leaves what came in $var(parity).
/// </summary>
/// <remarks>
/// The argument is the function and its arguments, with U+001F between them; i before a number, s before a text. What
/// came is a letter and a value: i a number, b a truth value, s a text, n nothing, v of a function that gives none, x an
/// exception.
/// </remarks>
public static class PlaysKsr
{
    public static int Main(string[] args)
    {
        string[] words = args[0].Split('\x1f');
        object[] arguments = words.Skip(1).Select(Argument).ToArray();
        string came;
        try
        {
            came = Written(Call(words[0], arguments));
        }
        catch (TargetInvocationException e) when (e.InnerException is KsrException)
        {
            came = "x" + e.InnerException.Message;
        }
        return PV.SetS("$var(parity)", came);
    }

    private static object Argument(string word)
    {
        return word[0] == 'i' ? int.Parse(word.Substring(1)) : (object)word.Substring(1);
    }

    private static object Call(string function, object[] arguments)
    {
        int dot = function.IndexOf('.');
        object home = dot < 0 ? null : typeof(KSR).GetField(function.Substring(0, dot)).GetValue(null);
        Type type = home == null ? typeof(KSR) : home.GetType();
        MethodInfo method = type.GetMethod(function.Substring(dot + 1), arguments.Select(a => a.GetType()).ToArray());
        object value = method.Invoke(home, arguments);
        return method.ReturnType == typeof(void) ? typeof(void) : value;
    }

    private static string Written(object value)
    {
        if (value is XVal)
        {
            XVal came = (XVal)value;
            return came.IsNull ? "n" : (came.IsNumber ? "i" : "s") + came;
        }
        if (value is Type)
        {
            return "v";
        }
        return value is bool ? "b" + ((bool)value ? 1 : 0) : value is string ? "s" + value : "i" + value;
    }
}
