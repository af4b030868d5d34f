using System;
using System.Diagnostics;
using System.Reflection;

namespace SRBridge
{
    /// <summary>Where in a script a call is made, for an exec that is traced.</summary>
    internal static class Places
    {
        private const int LongestFile = 4096; // runner/wire/session.py, LONGEST_FILE

        /// <summary>Writes the place of the call that this thread makes, as a member of its message.</summary>
        /// <remarks>Nothing where none of its frames has symbols.</remarks>
        internal static void Put(JsonWriter json)
        {
            foreach (StackFrame frame in new StackTrace(true).GetFrames())
            {
                MethodBase method = frame.GetMethod();
                string file = frame.GetFileName();
                if (file != null && file.Length <= LongestFile && frame.GetFileLineNumber() > 0 && IsOfScript(method))
                {
                    json.Raw(",\"at\":[").Text(file).Raw(",").Number(frame.GetFileLineNumber()).Raw("]");
                    return;
                }
            }
        }

        /// <summary>Whether it is neither the bridge's, nor of what a script refers to, nor of mono's own libraries.</summary>
        private static bool IsOfScript(MethodBase method)
        {
            Type type = method == null ? null : method.DeclaringType;
            if (type == null)
            {
                return true; // made at run time, by the script
            }
            string space = type.Namespace;
            return type.Assembly != typeof(Places).Assembly && !type.Assembly.GlobalAssemblyCache
                && space != "SR" && space != "SR.KsrModules";
        }
    }
}
