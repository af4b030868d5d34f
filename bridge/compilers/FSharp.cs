using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using FSharp.Compiler.SourceCodeServices;
using Microsoft.FSharp.Control;

namespace SRCompilers
{
    /// <summary>F#, by the compiler's service: its program takes two seconds to start each time.</summary>
    internal static class FSharp
    {
        // fsc makes a program of any source: its statements are Main. But values of the module are only set by that Main, and
        // an entry that is called without it finds them null. In a library they are set before they are first read.
        private const string NoMain = "error FS0988: there is no [<EntryPoint>]";
        private const int UnusedValue = 1182;

        private static readonly FSharpChecker Checker = FSharpChecker.Create(null, null, null, null, null, null);

        /// <summary>Compiles with the options of fsc.</summary>
        /// <param name="lines">Gets the diagnostics, as csc writes them.</param>
        /// <returns>Whether there is an assembly now.</returns>
        internal static bool Compile(List<string> arguments, List<string> lines)
        {
            var given = new List<string>
            {
                "fsc.exe", "--noframework", "--nowin32manifest", "--targetprofile:mscorlib", "--deterministic+",
                "--debug:portable"
            };
            foreach (string directory in Framework.Directories)
            {
                given.Add("-I:" + directory);
            }
            foreach (string name in Framework.Defaults)
            {
                given.Add("-r:" + Framework.Path(name, new string[0]));
            }
            foreach (string argument in arguments)
            {
                // fsc takes the long names of options after two hyphens only.
                bool isLong = argument.StartsWith("-", StringComparison.Ordinal) && argument.IndexOf(':') > 2;
                given.Add(isLong ? "-" + argument : argument);
            }
            Tuple<FSharpErrorInfo[], int> made =
                FSharpAsync.RunSynchronously(Checker.Compile(given.ToArray(), null), null, null);
            foreach (FSharpErrorInfo found in made.Item1)
            {
                // fsc itself is silent about values that are not used; the service is not.
                if (found.ErrorNumber == UnusedValue && found.Severity.IsWarning)
                {
                    continue;
                }
                string code = (found.Severity.IsError ? "error FS" : "warning FS") + found.ErrorNumber.ToString("0000");
                // A diagnostic that is about no place comes with the place 0.
                string place = found.StartLineAlternate < 1
                    ? ""
                    : found.FileName + "(" + found.StartLineAlternate + "," + (found.StartColumn + 1) + "): ";
                lines.Add(place + code + ": " + found.Message);
            }
            if (made.Item2 != 0)
            {
                return false;
            }
            if (!arguments.Contains("-target:library") && !HasMain(arguments[0].Substring("-out:".Length)))
            {
                lines.Clear();
                lines.Add(NoMain);
                return false;
            }
            return true;
        }

        /// <summary>Whether a program begins where its source says so, and not with the statements of its last file.</summary>
        private static bool HasMain(string assembly)
        {
            using (var reader = new PEReader(File.OpenRead(assembly)))
            {
                int token = reader.PEHeaders.CorHeader.EntryPointTokenOrRelativeVirtualAddress;
                MetadataReader metadata = reader.GetMetadataReader();
                MethodDefinition main = metadata.GetMethodDefinition((MethodDefinitionHandle)MetadataTokens.EntityHandle(token));
                return metadata.GetString(main.Name) != "main@";
            }
        }
    }
}
