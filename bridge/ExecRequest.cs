using System.Collections.Generic;
using System.Text;

namespace SRBridge
{
    /// <summary>What an exec asks for. One object for the life of the process, filled anew by each line.</summary>
    internal sealed class ExecRequest
    {
        private static readonly byte[] Begin = Encoding.ASCII.GetBytes("{\"jsonrpc\":\"2.0\",\"id\":");
        private static readonly byte[] ForGeneration =
            Encoding.ASCII.GetBytes(",\"method\":\"exec\",\"params\":{\"generation\":");
        private static readonly byte[] ForParam = Encoding.ASCII.GetBytes(",\"param\":");
        private static readonly byte[] ForValues = Encoding.ASCII.GetBytes(",\"values\":[");
        private static readonly byte[] ForCertain = Encoding.ASCII.GetBytes("],\"certain\":");
        private static readonly byte[] Comma = Encoding.ASCII.GetBytes(",");
        private static readonly byte[] End = Encoding.ASCII.GetBytes("}}");

        private readonly List<object> _values = new List<object>();
        private byte[] _quoted = { 0 };

        internal long Id;
        internal string Generation;

        /// <summary>Main's one argument; null for none.</summary>
        internal string Param;

        internal bool IsFresh;
        internal bool IsProfiled;

        /// <summary>The plan that the values belong to; null when it was told before, or never.</summary>
        internal JsonObject Plan;

        /// <summary>Values in the order of the plan; null when none came.</summary>
        internal List<object> Values;

        /// <summary>The plan's edits that are certain, as bits.</summary>
        internal long Certain;

        /// <summary>Reads the line as the runner writes it nearly always, without making a tree of it.</summary>
        /// <returns>False for any other line, which then has to be read as what it is.</returns>
        internal bool TryRead(JsonReader line, byte[] bytes, int start, int length)
        {
            line.Open(bytes, start, length);
            if (!line.Skip(Begin) || !line.TryCount(out Id) || !line.Skip(ForGeneration))
            {
                return false;
            }
            if (!line.Skip(_quoted)) // the one of the exec before
            {
                Generation = line.Text();
                _quoted = Encoding.ASCII.GetBytes("\"" + Generation + "\"");
            }
            Param = line.Skip(ForParam) ? line.Text() : null;
            IsFresh = IsProfiled = false;
            Plan = null;
            Values = null;
            Certain = 0;
            if (line.Skip(ForValues))
            {
                Values = _values;
                _values.Clear();
                if (!line.Skip(ForCertain))
                {
                    do
                    {
                        _values.Add(line.Value(1));
                    }
                    while (line.Skip(Comma));
                    if (!line.Skip(ForCertain))
                    {
                        return false;
                    }
                }
                if (!line.TryCount(out Certain))
                {
                    return false;
                }
            }
            return line.Skip(End) && line.IsAtEnd;
        }

        /// <summary>Takes any exec.</summary>
        internal void Take(long id, JsonObject wanted)
        {
            Id = id;
            Generation = (string)wanted["generation"];
            _quoted = new byte[] { 0 };
            Param = Given(wanted, "param") as string;
            IsFresh = Given(wanted, "fresh") is bool;
            IsProfiled = Given(wanted, "profile") is bool;
            Plan = Given(wanted, "plan") as JsonObject;
            Values = Given(wanted, "values") as List<object>;
            object bits = Given(wanted, "certain");
            Certain = bits is long ? (long)bits : 0;
        }

        private static object Given(JsonObject wanted, string name)
        {
            object value;
            return wanted.TryGetValue(name, out value) ? value : null;
        }
    }
}
