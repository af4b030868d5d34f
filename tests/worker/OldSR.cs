// The interface of Kamailio's own SR.dll, which an .exe that was built for app_mono refers to. Its methods are internal
// calls of the embedding server. Only the tests of such programs compile it.
using System.Runtime.CompilerServices;

namespace SR
{
    public class Core
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern string APIVersion();
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Log(int level, string text);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Err(string text);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern void Dbg(string text);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int ModF(string text);
    }

    public class PV
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern string GetS(string pvn);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int GetI(string pvn);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int SetS(string pvn, string val);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int SetI(string pvn, int val);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Unset(string pvn);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int IsNull(string pvn);
    }

    public class HDR
    {
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Append(string hv);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Remove(string hv);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int Insert(string hv);
        [MethodImpl(MethodImplOptions.InternalCall)]
        public static extern int AppendToReply(string hv);
    }
}
