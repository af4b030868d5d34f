using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using SRBridge;

namespace SRCompilers
{
    /// <summary>
    /// The process that compiles: a line of JSON on standard input is one source, a line on standard output what became
    /// of it. It ends when its standard input does.
    /// </summary>
    /// <remarks>
    /// In: <c>{"language": "csharp8", "arguments": ["-out:/x/X.exe", "/x/X.cs"]}</c>, with the options of the compiler's own
    /// command line. Out: <c>{"ok": true, "lines": []}</c>, each line a diagnostic as csc writes it. The compilers stay
    /// compiled and warm from one source to the next; nothing else does.
    /// </remarks>
    internal static class CompileWorker
    {
        private const int MostLines = 200;

        private static int Main()
        {
            Stream output = Console.OpenStandardOutput();
            Console.SetOut(Console.Error);
            var requests = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
            var reader = new JsonReader();
            for (string line = requests.ReadLine(); line != null; line = requests.ReadLine())
            {
                byte[] bytes = Encoding.ASCII.GetBytes(line);
                var request = (JsonObject)reader.Read(bytes, 0, bytes.Length);
                var arguments = new List<string>();
                foreach (object argument in (List<object>)request["arguments"])
                {
                    arguments.Add((string)argument);
                }
                var lines = new List<string>();
                bool ok = false;
                try
                {
                    ok = Compile((string)request["language"], arguments, lines);
                }
                catch (Exception error)
                {
                    Console.Error.WriteLine(error);
                    lines.Add("the compiler failed: " + error.GetType() + ": " + error.Message);
                }
                JsonWriter answer = Answer(ok, lines);
                output.Write(answer.Bytes, 0, answer.Length);
                output.Flush();
            }
            return 0;
        }

        private static bool Compile(string language, List<string> arguments, List<string> lines)
        {
            switch (language)
            {
                case "csharp8":
                    return Roslyn.CSharp(arguments, lines);
                case "vb":
                    return Roslyn.VisualBasic(arguments, lines);
                case "fsharp":
                    return FSharp.Compile(arguments, lines);
                default:
                    throw new ArgumentException("there is no compiler for " + language);
            }
        }

        private static JsonWriter Answer(bool ok, List<string> lines)
        {
            JsonWriter answer = new JsonWriter().Raw("{\"ok\": ").Raw(ok ? "true" : "false").Raw(", \"lines\": [");
            for (int i = 0; i < lines.Count && i < MostLines; i++)
            {
                // A diagnostic is one line; those of F# have line breaks.
                string text = string.Join(" ", lines[i].Split(new[] { '\r', '\n' }, StringSplitOptions.RemoveEmptyEntries));
                answer.Raw(i > 0 ? ", " : "").Text(text);
            }
            return answer.Raw("]}\n");
        }
    }
}
