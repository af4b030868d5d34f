using System;
using System.Collections.Generic;
using System.IO;
using FSharp.Compiler.SourceCodeServices;
using Microsoft.FSharp.Control;

namespace SRCompilers
{
    /// <summary>F#, by the compiler's service: its program takes two seconds to start each time.</summary>
    internal static class FSharp
    {
        private const int NoMain = 988;

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
            bool ok = made.Item2 == 0;
            foreach (FSharpErrorInfo found in made.Item1)
            {
                // A program without Main and without statements compiles, and -warnaserror:988 changes nothing here.
                bool isError = found.Severity.IsError || found.ErrorNumber == NoMain;
                ok &= !isError;
                string code = (isError ? "error FS" : "warning FS") + found.ErrorNumber.ToString("0000");
                // A diagnostic that is about no place comes with the place 0.
                string place = found.StartLineAlternate < 1
                    ? ""
                    : found.FileName + "(" + found.StartLineAlternate + "," + (found.StartColumn + 1) + "): ";
                lines.Add(place + code + ": " + found.Message);
            }
            return ok;
        }
    }
}
