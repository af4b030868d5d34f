using System.Collections.Generic;
using System.IO;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;
using Microsoft.CodeAnalysis.VisualBasic;

namespace SRCompilers
{
    /// <summary>C# and Visual Basic, by Roslyn's own interface: its programs want a .NET that mono is not.</summary>
    internal static class Roslyn
    {
        // Mono's own assemblies: to read them takes longer than to compile a script. There are some two hundred.
        private static readonly Dictionary<string, MetadataReference> Kept = new Dictionary<string, MetadataReference>();

        // A diagnostic of Visual Basic's own form has no column.
        private static readonly DiagnosticFormatter Formatter = new DiagnosticFormatter();

        /// <summary>Compiles with the options of csc.</summary>
        /// <param name="lines">Gets the diagnostics.</param>
        /// <returns>Whether there is an assembly now.</returns>
        internal static bool CSharp(List<string> arguments, List<string> lines)
        {
            arguments.InsertRange(0, new[] { "-noconfig", "-nostdlib", "-deterministic" });
            CSharpCommandLineArguments given = CSharpCommandLineParser.Default.Parse(arguments, "/", null);
            var trees = new List<SyntaxTree>();
            foreach (CommandLineSourceFile file in given.SourceFiles)
            {
                trees.Add(CSharpSyntaxTree.ParseText(Read(file), given.ParseOptions, file.Path));
            }
            return Emit(
                given, CSharpCompilation.Create(Name(given), trees, References(given, lines), given.CompilationOptions), lines);
        }

        /// <summary>Compiles with the options of vbc; as <see cref="CSharp"/>.</summary>
        internal static bool VisualBasic(List<string> arguments, List<string> lines)
        {
            arguments.InsertRange(
                0,
                new[]
                {
                    "-noconfig", "-nostdlib", "-deterministic", "-sdkpath:" + Framework.Directories[0],
                    // As in vbc.rsp, which -noconfig leaves out.
                    "-optioninfer+", "-imports:Microsoft.VisualBasic,System,System.Linq,System.Collections.Generic"
                });
            VisualBasicCommandLineArguments given = VisualBasicCommandLineParser.Default.Parse(arguments, "/", null);
            var trees = new List<SyntaxTree>();
            foreach (CommandLineSourceFile file in given.SourceFiles)
            {
                trees.Add(VisualBasicSyntaxTree.ParseText(Read(file), given.ParseOptions, file.Path));
            }
            return Emit(
                given,
                VisualBasicCompilation.Create(Name(given), trees, References(given, lines), given.CompilationOptions),
                lines);
        }

        private static string Name(CommandLineArguments given)
        {
            return Path.GetFileNameWithoutExtension(given.OutputFileName);
        }

        private static SourceText Read(CommandLineSourceFile file)
        {
            using (FileStream stream = File.OpenRead(file.Path))
            {
                return SourceText.From(stream);
            }
        }

        private static List<MetadataReference> References(CommandLineArguments given, List<string> lines)
        {
            var names = new List<string>(Framework.Defaults);
            foreach (CommandLineReference reference in given.MetadataReferences)
            {
                names.Add(reference.Reference);
            }
            var references = new List<MetadataReference>();
            foreach (string name in names)
            {
                string path = Framework.Path(name, given.ReferencePaths);
                if (path == null)
                {
                    lines.Add("error CS0006: Metadata file '" + name + "' could not be found");
                    continue;
                }
                MetadataReference reference;
                if (!Kept.TryGetValue(path, out reference))
                {
                    // From bytes: a file that is mapped must not change, and a helper may.
                    reference = MetadataReference.CreateFromImage(
                        File.ReadAllBytes(path), default(MetadataReferenceProperties), null, path);
                    if (path.StartsWith(Framework.Directories[0] + "/", System.StringComparison.Ordinal))
                    {
                        Kept[path] = reference;
                    }
                }
                references.Add(reference);
            }
            return references;
        }

        private static bool Emit(CommandLineArguments given, Compilation compilation, List<string> lines)
        {
            bool ok = lines.Count == 0 && Add(given.Errors, lines);
            if (!ok)
            {
                return false;
            }
            string assembly = Path.Combine(given.OutputDirectory, given.OutputFileName);
            string symbols = Path.ChangeExtension(assembly, ".pdb");
            EmitOptions options = given.EmitOptions
                .WithDebugInformationFormat(DebugInformationFormat.PortablePdb)
                .WithPdbFilePath(Path.GetFileName(symbols));
            using (FileStream into = File.Create(assembly), beside = File.Create(symbols))
            {
                EmitResult result = compilation.Emit(
                    into, beside, manifestResources: given.ManifestResources, options: options);
                Add(result.Diagnostics, lines);
                return result.Success;
            }
        }

        /// <returns>Whether none of them is an error.</returns>
        private static bool Add(IEnumerable<Diagnostic> found, List<string> lines)
        {
            bool ok = true;
            foreach (Diagnostic diagnostic in found)
            {
                if (diagnostic.Severity >= DiagnosticSeverity.Warning && !diagnostic.IsSuppressed)
                {
                    lines.Add(Formatter.Format(diagnostic));
                    ok &= diagnostic.Severity != DiagnosticSeverity.Error;
                }
            }
            return ok;
        }
    }
}
