// For the peer pythonnet: SR calls of a script as callbacks into the Python that hosts this mono.
// Compiled as SRBridge.dll, for SR.dll shows its Host to no other assembly.
using System;
using System.Reflection;

namespace PeerHost
{
public static class Peer
{
    public static Func<string, string, string> OnText;
    public static Func<string, string, int> OnNumber;
    public static Func<string, string, string, int> OnTwoTexts;
    public static Func<string, string, int, int> OnTextAndNumber;
    public static Action<int, string> OnLog;

    private sealed class Callbacks : SR.Host
    {
        internal override void Log(int level, string text) { OnLog(level, text); }
        internal override string AskText(string call, string argument) { return OnText(call, argument); }
        internal override int AskNumber(string call, SR.CallShape shape, string argument, int errorValue) { return OnNumber(call, argument); }
        internal override int AskNumber(string call, string argument, string second, int errorValue) { return OnTwoTexts(call, argument, second); }
        internal override int AskNumber(string call, string argument, int second, int errorValue) { return OnTextAndNumber(call, argument, second); }
        internal override int AskModF(string name, string[] arguments, int errorValue) { throw new NotSupportedException(); }
        internal override object AskKsr(bool reads, string function, object[] arguments, out string refusal) { throw new NotSupportedException(); }
        internal override void Exit(bool drops) { throw new NotSupportedException(); }
    }

    public static Func<int> Load(string path)
    {
        SR.Host.Current = new Callbacks();
        return (Func<int>)Delegate.CreateDelegate(typeof(Func<int>), Assembly.LoadFrom(path).EntryPoint);
    }
}
}
