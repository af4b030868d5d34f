using System.Collections.Generic;
using System.IO;

namespace SRCompilers
{
    /// <summary>The assemblies of the mono that this process runs in, which is also what scripts run in.</summary>
    internal static class Framework
    {
        /// <summary>What every source is compiled with; mcs has the first four by itself.</summary>
        internal static readonly string[] Defaults =
        {
            "mscorlib.dll", "System.dll", "System.Core.dll", "System.Xml.dll", "System.Numerics.dll", "netstandard.dll",
            "System.Runtime.dll"
        };

        /// <summary>Where assemblies are looked for that are given without a path.</summary>
        internal static readonly string[] Directories = Find();

        /// <summary>The path of an assembly, looked for in <paramref name="first"/> and in mono's own directories.</summary>
        /// <returns>Null when there is none.</returns>
        internal static string Path(string name, IEnumerable<string> first)
        {
            if (System.IO.Path.IsPathRooted(name))
            {
                return File.Exists(name) ? name : null;
            }
            var directories = new List<string>(first);
            directories.AddRange(Directories);
            foreach (string directory in directories)
            {
                string path = System.IO.Path.Combine(directory, name);
                if (File.Exists(path))
                {
                    return path;
                }
            }
            return null;
        }

        private static string[] Find()
        {
            string own = System.IO.Path.GetDirectoryName(typeof(object).Assembly.Location);
            return new[] { own, System.IO.Path.Combine(own, "Facades") };
        }
    }
}
