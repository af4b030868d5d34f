// A program that is its own host: what it is asked by KSR.dll comes from a table. Its assembly is called SRBridge, for
// SR.dll shows its Host to no other. It prints one line a statement that does not hold, and what was asked.

using System;
using System.Collections.Generic;
using SR;

internal sealed class Table : Host
{
    internal readonly Dictionary<string, object> Answers = new Dictionary<string, object>();
    internal readonly List<string> Asked = new List<string>();

    internal override object AskKsr(bool reads, string function, object[] arguments, out string refusal)
    {
        Asked.Add((reads ? "read " : "") + function + "(" + string.Join("|", arguments) + ")");
        string key = arguments.Length > 0 ? function + " " + arguments[0] : function;
        object answer;
        Answers.TryGetValue(key, out answer);
        refusal = key == "tm.t_relay" ? "KSR.tm.t_relay: loadmodule \"tm.so\"" : null;
        return answer;
    }

    internal override void Exit(bool drops)
    {
        Asked.Add(drops ? "drop" : "exit");
    }

    internal override void Log(int level, string text)
    {
    }

    internal override string AskText(string call, string argument)
    {
        return null;
    }

    internal override int AskNumber(string call, CallShape shape, string argument, int errorValue)
    {
        return errorValue;
    }

    internal override int AskNumber(string call, string argument, string second, int errorValue)
    {
        return errorValue;
    }

    internal override int AskNumber(string call, string argument, int second, int errorValue)
    {
        return errorValue;
    }

    internal override int AskModF(string name, string[] arguments, int errorValue)
    {
        return errorValue;
    }
}

public static class AnswersItself
{
    private static void Expect(bool holds, string what)
    {
        if (!holds)
        {
            Console.WriteLine("not so: " + what);
        }
    }

    private static string Throws(Action action)
    {
        try
        {
            action();
            return "nothing";
        }
        catch (Exception error)
        {
            return error.GetType().Name + " " + error.Message;
        }
    }

    public static void Main()
    {
        Console.WriteLine(Throws(() => KSR.tm.t_relay()));
        Console.WriteLine(Throws(() => KSR.x.exit()));
        var host = new Table();
        Host.Current = host;
        host.Answers["pv.get t"] = "alice";
        host.Answers["pv.get e"] = "";
        host.Answers["pv.get n"] = 200L;
        host.Answers["pv.get d"] = "200";
        host.Answers["pv.get z"] = 0L;
        host.Answers["pv.get big"] = 3000000000L;
        host.Answers["pv.get b"] = true;
        host.Answers["is_INVITE"] = true;
        host.Answers["htable.sht_rm a"] = -1L;
        host.Answers["hdr.append X"] = true;
        XVal text = KSR.pv.get("t"), empty = KSR.pv.get("e"), number = KSR.pv.get("n"), digits = KSR.pv.get("d");
        XVal zero = KSR.pv.get("z"), big = KSR.pv.get("big"), truth = KSR.pv.get("b"), nothing = KSR.pv.get("?");

        Expect(text == "alice" && "alice" == text && text != "bob" && "bob" != text, "a text is equal to that text");
        Expect(number == 200 && 200 == number && number != 201 && 201 != number, "a number is equal to that number");
        Expect(number != "200" && digits == "200" && digits != 200, "a number is no text");
        Expect(nothing == null && null == nothing && text != null && nothing != "" && empty != null, "null is nothing");
        Expect(nothing == KSR.pv.get("?") && text == KSR.pv.get("t") && text != number, "two values are compared");
        Expect(nothing.IsNull && !empty.IsNull && !zero.IsNull, "IsNull");
        Expect(number.IsNumber && truth.IsNumber && !digits.IsNumber && !nothing.IsNumber, "IsNumber");
        Expect(empty.IsText && !nothing.IsText && !number.IsText, "IsText");
        string fromText = text, fromNumber = number, fromNothing = nothing;
        Expect(fromText == "alice" && fromNumber == "200" && fromNothing == null, "a string by itself");
        Expect("<" + nothing + ">" == "<>" && "sip:" + text + ":" + number == "sip:alice:200", "as a part of a text");
        Expect(nothing.ToString() == "" && number.ToString() == "200", "ToString");
        Expect((int)number == 200 && (int)digits == 200 && (long)big == 3000000000L && (int)truth == 1, "numbers");
        Expect((bool)text && (bool)number && (bool)truth && !(bool)empty && !(bool)zero && !(bool)nothing, "truth");
        Expect(text.Equals("alice") && number.Equals(200) && number.Equals(200L) && nothing.Equals(null), "Equals");
        Expect(!number.Equals("200") && !text.Equals(null) && !text.Equals('a'), "Equals of others");
        Expect(text.GetHashCode() == KSR.pv.get("t").GetHashCode() && nothing.GetHashCode() == 0, "GetHashCode");
        Expect(KSR.is_INVITE() && !KSR.is_BYE(), "a bool");
        Expect(KSR.htable.sht_rm("a", "b") == -1 && KSR.hdr.append("X") == 1, "an int, also where a bool came");
        Expect(KSR.pv.setl("a", 5000000000L) == false, "a long");

        Console.WriteLine(Throws(() => { int unused = (int)text; }));
        Console.WriteLine(Throws(() => { long unused = (long)nothing; }));
        Console.WriteLine(Throws(() => { int unused = (int)big; }).Split(' ')[0]);
        Console.WriteLine(Throws(() => KSR.tm.t_relay()));
        Console.WriteLine(Throws(() => KSR.pv.sets("$rU", nothing)));
        host.Asked.Clear();
        KSR.pv.seti("$var(a)", 7);
        KSR.pv.setl("$var(a)", 5000000000L);
        KSR.info("hello");
        KSR.pv.get("$ru");
        KSR.x.exit();
        KSR.x.drop();
        Console.WriteLine(string.Join("; ", host.Asked));
    }
}
