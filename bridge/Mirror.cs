using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Text;

namespace SRBridge
{
    /// <summary>
    /// Directories that look like a script's own: the assembly, and links to everything beside the script. An assembly that
    /// is loaded from there finds those files by its <c>Location</c> and <c>CodeBase</c>, as under app_mono.
    /// </summary>
    /// <remarks>
    /// Each load gets a directory of its own, because mono returns the same assembly again for the same path (measured:
    /// 6.8). They lie in the worker's private directory and are removed with it; the directory of a build is removed when
    /// the build is replaced. An assembly that cannot ask for its place is loaded from bytes, which takes a tenth of the
    /// time.
    /// </remarks>
    internal sealed class Mirror
    {
        private const int MostLinks = 1000;

        // The members that reveal an assembly's place. In metadata a name is UTF-8; a string literal, which reflection
        // and `dynamic` use, is UTF-16 (ECMA-335 II.24.2).
        private static readonly string[] Revealing = { "Location", "CodeBase", "FullyQualifiedName" };

        private readonly string _root;
        private int _count;

        /// <param name="root">Where the directories are made; null to load every assembly from bytes.</param>
        internal Mirror(string root)
        {
            _root = root;
        }

        /// <summary>Looks whether an assembly may ask for the place that it was loaded from.</summary>
        internal static bool IsNeeded(byte[] bytes)
        {
            foreach (string name in Revealing)
            {
                if (Holds(bytes, Encoding.ASCII.GetBytes(name)) || Holds(bytes, Encoding.Unicode.GetBytes(name)))
                {
                    return true;
                }
            }
            return false;
        }

        private static bool Holds(byte[] bytes, byte[] wanted)
        {
            for (int at = Array.IndexOf(bytes, wanted[0]); at >= 0 && at <= bytes.Length - wanted.Length;
                at = Array.IndexOf(bytes, wanted[0], at + 1))
            {
                int same = 1;
                while (same < wanted.Length && bytes[at + same] == wanted[same])
                {
                    same++;
                }
                if (same == wanted.Length)
                {
                    return true;
                }
            }
            return false;
        }

        /// <summary>Loads an assembly as if it were loaded from the place where it really lies.</summary>
        /// <param name="path">That place.</param>
        /// <param name="bytes">Its content.</param>
        /// <param name="symbols">Its symbols, or null.</param>
        /// <param name="config">Its configuration, or null.</param>
        /// <param name="files">Files that belong to its build, by name: they are there in place of those beside it.</param>
        /// <exception cref="BadImageFormatException">The content is not an assembly.</exception>
        internal Assembly Load(
            string path, byte[] bytes, byte[] symbols, byte[] config, Dictionary<string, string> files)
        {
            string directory = null;
            try
            {
                directory = Make(path, bytes, symbols, config, files);
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
            {
                // Most likely the disk is full. The script runs, but cannot find the files beside it by its Location.
                Console.Error.WriteLine("bridge: " + path + ": loaded without a Location: " + error.Message);
            }
            return directory == null ? Assembly.Load(bytes, symbols)
                : Assembly.LoadFile(Path.Combine(directory, Path.GetFileName(path)));
        }

        /// <summary>Removes the directory of an assembly that will not run again. Mono keeps the assembly itself.</summary>
        internal void Forget(Assembly assembly)
        {
            string location = assembly.Location;
            if (_root == null || !location.StartsWith(_root, StringComparison.Ordinal))
            {
                return;
            }
            try
            {
                Directory.Delete(Path.GetDirectoryName(location), true);
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
            {
                // It is removed later, with the worker's whole directory.
            }
        }

        private string Make(string path, byte[] bytes, byte[] symbols, byte[] config, Dictionary<string, string> files)
        {
            if (_root == null)
            {
                return null;
            }
            string name = Path.GetFileName(path);
            string directory = Path.Combine(_root, (++_count).ToString());
            Directory.CreateDirectory(directory);
            File.WriteAllBytes(Path.Combine(directory, name), bytes);
            if (symbols != null)
            {
                bool isPortable = symbols.Length > 3 && symbols[0] == 'B' && symbols[1] == 'S' && symbols[2] == 'J' && symbols[3] == 'B';
                string beside = isPortable ? Path.ChangeExtension(name, ".pdb") : name + ".mdb";
                File.WriteAllBytes(Path.Combine(directory, beside), symbols);
            }
            if (config != null)
            {
                File.WriteAllBytes(Path.Combine(directory, name + ".config"), config);
            }
            foreach (KeyValuePair<string, string> file in files)
            {
                Native.Link(file.Value, Path.Combine(directory, file.Key));
            }
            Link(Path.GetDirectoryName(path), directory, name);
            return directory;
        }

        /// <summary>Links to the files beside a script, except the script's own parts and any SR or KSR assembly.</summary>
        private static void Link(string from, string into, string name)
        {
            int left = MostLinks;
            foreach (string entry in Entries(from))
            {
                string beside = Path.GetFileName(entry);
                bool isOurs = beside.StartsWith(name, StringComparison.Ordinal)
                    || beside == Path.ChangeExtension(name, ".pdb") || Loader.IsOurs(Path.GetFileNameWithoutExtension(beside));
                if (isOurs)
                {
                    continue;
                }
                if (left-- == 0)
                {
                    Console.Error.WriteLine(
                        "bridge: " + from + ": has more than " + MostLinks + " files; some cannot be found by Location");
                    return;
                }
                Native.Link(entry, Path.Combine(into, beside));
            }
        }

        private static string[] Entries(string directory)
        {
            try
            {
                return Directory.GetFileSystemEntries(directory);
            }
            catch (Exception error) when (error is IOException || error is UnauthorizedAccessException)
            {
                return new string[0]; // the worker's user may not list it, so the script could not either
            }
        }
    }
}
