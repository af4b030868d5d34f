using System;
using System.Collections.Generic;
using System.IO;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;

namespace SRBridge
{
    /// <summary>
    /// Runs one load and a few execs over a private wire before the worker says ready, so that the first real exec does
    /// not pay for compiling the bridge. The script that runs is the bridge itself.
    /// </summary>
    internal static class WarmUp
    {
        internal const string Argument = "warm-up";
        private const int Rounds = 4;

        private static readonly string[] Results = { "\"sip:bob@example.com \\u00e9\"", "0", "5", "0", "1", "0" };

        [DllImport("libc", EntryPoint = "socketpair", SetLastError = true)]
        private static extern int SocketPair(int domain, int type, int protocol, int[] fds);

        [DllImport("libc", EntryPoint = "close")]
        private static extern int Close(int fd);

        [DllImport("libc", EntryPoint = "shutdown")]
        private static extern int Shutdown(int fd, int how);

        /// <summary>The warm-up script, by Main and as an entry: makes one call of each shape.</summary>
        public static int Run()
        {
            SR.Core.Log(3, "warm-up");
            SR.PV.SetS("$var(x)", SR.PV.GetS("$ru"));
            SR.PV.SetI("$var(x)", SR.PV.GetI("$var(y)"));
            return SR.PV.IsNull("$du") + SR.HDR.AppendToReply("X: \u00e9\r\n");
        }

        /// <summary>Lets a bridge of its own serve the warm-up; only the given objects live on.</summary>
        /// <exception cref="InvalidOperationException">There is no socket pair.</exception>
        internal static void Bridge(Loader loader, Copies copies, ProcessState state, int maxLineBytes)
        {
            const int unix = 1, streamCloexec = 1 | 0x80000, shutWrite = 1;
            var fds = new int[2];
            if (SocketPair(unix, streamCloexec, 0, fds) != 0)
            {
                throw new InvalidOperationException("socketpair: errno " + Marshal.GetLastWin32Error());
            }
            byte[] lines = Encoding.ASCII.GetBytes(Lines(copies));
            Native.SendAll(fds[0], lines, 0, lines.Length);
            Shutdown(fds[0], shutWrite);
            var outbox = new Outbox(fds[1], maxLineBytes);
            var watch = new WireWatch(fds[1], outbox); // never started: this wire needs none
            new SRBridge.Bridge(new Wire(fds[1], maxLineBytes), outbox, watch, loader, null, state).Serve();
            loader.Drop(Assembly.GetExecutingAssembly().Location);
            Close(fds[0]);
            Close(fds[1]);
        }

        private static string Lines(Copies copies)
        {
            string self = Assembly.GetExecutingAssembly().Location;
            var path = new JsonWriter();
            path.Text(self);
            string quoted = Encoding.ASCII.GetString(path.Bytes, 0, path.Length);
            var lines = new StringBuilder();
            lines.Append("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"load\",\"params\":{\"path\":").Append(quoted);
            lines.Append(",\"generation\":\"warm-up\",\"file\":\"").Append(copies.Own(self)).Append('"');
            lines.Append(",\"symbols\":null,\"config\":null,\"helpers\":{}}}\n");
            int question = 0;
            for (int round = 0; round < Rounds; round++)
            {
                Exec(lines, round == 0);
                if (round == 1)
                {
                    Exec(lines, false); // within the other one, before its first answer
                    question = Answers(lines, question + 1, 0);
                    Answer(lines, question - Results.Length, Results[0]);
                    question = Answers(lines, question, 1);
                    continue;
                }
                question = Answers(lines, question, 0);
            }
            return lines.ToString();
        }

        private static void Exec(StringBuilder lines, bool isEntry)
        {
            lines.Append("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"exec\",\"params\":{\"generation\":\"warm-up\",");
            lines.Append(isEntry ? "\"entry\":\"Run\"," : "").Append("\"param\":\"").Append(Argument).Append("\"}}\n");
        }

        private static int Answers(StringBuilder lines, int question, int from)
        {
            for (int i = from; i < Results.Length; i++)
            {
                Answer(lines, ++question, Results[i]);
            }
            return question;
        }

        private static void Answer(StringBuilder lines, int question, string result)
        {
            lines.Append("{\"jsonrpc\":\"2.0\",\"id\":").Append(question).Append(",\"result\":").Append(result).Append("}\n");
        }
    }
}
