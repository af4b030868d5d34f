using System;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SRBridge
{
    /// <summary>Answers the calls of programs that have the manual's SR.cs compiled in, as internal calls of the runtime.</summary>
    /// <remarks>
    /// app_mono registered its functions by these names, whichever assembly had the class. Here each name leads to the
    /// method of SR.dll. Nothing is registered until a program of that kind is loaded.
    /// </remarks>
    internal static class InternalCalls
    {
        private delegate IntPtr TextOfNothing();

        private delegate IntPtr TextOfText(IntPtr text);

        private delegate int NumberOfText(IntPtr text);

        private delegate int NumberOfTexts(IntPtr text, IntPtr second);

        private delegate int NumberOfTextAndNumber(IntPtr text, int number);

        private delegate void NothingOfText(IntPtr text);

        private delegate void NothingOfNumberAndText(int number, IntPtr text);

        private static readonly string[] Classes = { "SR.Core", "SR.PV", "SR.HDR" };

        // The runtime keeps the functions but not the delegates behind them, which must not be collected.
        private static readonly List<Delegate> Registered = new List<Delegate>();

        // The text that this thread returned last. It must not move before the caller has it.
        [ThreadStatic]
        private static GCHandle t_returned;

        [DllImport("__Internal", EntryPoint = "mono_add_internal_call")]
        private static extern void AddInternalCall([MarshalAs(UnmanagedType.LPStr)] string name, IntPtr function);

        [DllImport("__Internal", EntryPoint = "mono_string_chars")]
        private static extern IntPtr CharsOf(IntPtr text);

        [DllImport("__Internal", EntryPoint = "mono_string_length")]
        private static extern int LengthOf(IntPtr text);

        /// <summary>Registers the calls if the assembly contains one of the classes.</summary>
        /// <exception cref="InvalidScriptException">It contains lib/SR.cs, the source of SR.dll.</exception>
        internal static void RegisterFor(Assembly assembly, string path)
        {
            if (assembly.GetType("SR.Host", false) != null)
            {
                // Its calls would reach no host: the bridge sets the one in SR.dll only.
                throw new InvalidScriptException(path + ": has lib/SR.cs compiled in; compile it against SR.dll (-r:SR.dll)", null);
            }
            if (Registered.Count > 0)
            {
                return;
            }
            foreach (string name in Classes)
            {
                if (assembly.GetType(name, false) != null)
                {
                    Register();
                    return;
                }
            }
        }

        private static void Register()
        {
            Add("Core::APIVersion", new TextOfNothing(() => Returned(SR.Core.APIVersion())));
            Add("Core::Log", new NothingOfNumberAndText((level, text) => SR.Core.Log(level, TextAt(text))));
            Add("Core::Err", new NothingOfText(text => SR.Core.Err(TextAt(text))));
            Add("Core::Dbg", new NothingOfText(text => SR.Core.Dbg(TextAt(text))));
            Add("Core::ModF", new NumberOfText(name => SR.Core.ModF(TextAt(name))));
            Add("PV::GetS", new TextOfText(name => Returned(SR.PV.GetS(TextAt(name)))));
            Add("PV::GetI", new NumberOfText(name => SR.PV.GetI(TextAt(name))));
            Add("PV::SetS", new NumberOfTexts((name, value) => SR.PV.SetS(TextAt(name), TextAt(value))));
            Add("PV::SetI", new NumberOfTextAndNumber((name, value) => SR.PV.SetI(TextAt(name), value)));
            Add("PV::Unset", new NumberOfText(name => SR.PV.Unset(TextAt(name))));
            Add("PV::IsNull", new NumberOfText(name => SR.PV.IsNull(TextAt(name))));
            Add("HDR::Append", new NumberOfText(text => SR.HDR.Append(TextAt(text))));
            Add("HDR::Remove", new NumberOfText(name => SR.HDR.Remove(TextAt(name))));
            Add("HDR::Insert", new NumberOfText(text => SR.HDR.Insert(TextAt(text))));
            Add("HDR::AppendToReply", new NumberOfText(text => SR.HDR.AppendToReply(TextAt(text))));
        }

        private static void Add(string name, Delegate call)
        {
            Registered.Add(call);
            AddInternalCall("SR." + name, Marshal.GetFunctionPointerForDelegate(call));
        }

        /// <summary>The text that a pointer of the runtime points to; null for a null pointer.</summary>
        private static string TextAt(IntPtr text)
        {
            return text == IntPtr.Zero ? null : Marshal.PtrToStringUni(CharsOf(text), LengthOf(text));
        }

        /// <summary>A pointer that the runtime takes for this text; a null pointer for null.</summary>
        private static IntPtr Returned(string text)
        {
            if (t_returned.IsAllocated)
            {
                t_returned.Free();
            }
            if (text == null)
            {
                return IntPtr.Zero;
            }
            t_returned = GCHandle.Alloc(text, GCHandleType.Pinned);
            return t_returned.AddrOfPinnedObject() - RuntimeHelpers.OffsetToStringData;
        }
    }
}
