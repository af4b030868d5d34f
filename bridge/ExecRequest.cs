using System.Collections.Generic;
using System.Text;

namespace SRBridge
{
    /// <summary>What an exec asks for. One object for the life of the process, filled again by each request.</summary>
    internal sealed class ExecRequest
    {
        private static readonly byte[] Begin = Encoding.ASCII.GetBytes("{\"jsonrpc\":\"2.0\",\"id\":");
        private static readonly byte[] ForGeneration =
            Encoding.ASCII.GetBytes(",\"method\":\"exec\",\"params\":{\"generation\":");
        private static readonly byte[] ForEntry = Encoding.ASCII.GetBytes(",\"entry\":");
        private static readonly byte[] ForParam = Encoding.ASCII.GetBytes(",\"param\":");
        private static readonly byte[] ForValues = Encoding.ASCII.GetBytes(",\"values\":[");
        private static readonly byte[] ForCertain = Encoding.ASCII.GetBytes("],\"certain\":");
        private static readonly byte[] Comma = Encoding.ASCII.GetBytes(",");
        private static readonly byte[] End = Encoding.ASCII.GetBytes("}}");

        private readonly List<object> _values = new List<object>();
        private byte[] _quoted = { 0 };
        private byte[] _quotedEntry = { 0 };
        private string _lastEntry;

        /// <summary>The id of the request.</summary>
        internal long Id;

        /// <summary>The build that runs, as its load named it.</summary>
        internal string Generation;

        /// <summary>The entry that runs; null for Main.</summary>
        internal string Entry;

        /// <summary>The one argument of Main or of the entry; null for none.</summary>
        internal string Param;

        /// <summary>True when the script's own assembly gets new statics first.</summary>
        internal bool IsFresh;

        /// <summary>True when the reply says how much time was spent.</summary>
        internal bool IsProfiled;

        /// <summary>True when each call says where in the script it is made.</summary>
        internal bool IsTraced;

        /// <summary>A new plan for the generation; null when the values belong to the last one, or there is none.</summary>
        internal JsonObject Plan;

        /// <summary>Values in the order of the plan; null when none came.</summary>
        internal List<object> Values;

        /// <summary>The plan's edits that are certain, as bits.</summary>
        internal long Certain;

        /// <summary>Reads the line in the form in which the runner almost always writes it, without building a tree.</summary>
        /// <returns>False for any other line, which has to be parsed. The fields are undefined then.</returns>
        /// <exception cref="System.IO.InvalidDataException">A value in the line is not JSON.</exception>
        internal bool TryRead(JsonReader line, byte[] bytes, int start, int length)
        {
            line.Open(bytes, start, length);
            if (!line.Skip(Begin) || !line.TryCount(out Id) || !line.Skip(ForGeneration))
            {
                return false;
            }
            if (!line.Skip(_quoted)) // the generation of the previous exec
            {
                Generation = line.Text();
                _quoted = Encoding.ASCII.GetBytes("\"" + Generation + "\"");
            }
            Entry = null;
            if (line.Skip(ForEntry))
            {
                if (!line.Skip(_quotedEntry)) // the last one that was named
                {
                    _lastEntry = line.Text();
                    _quotedEntry = Encoding.ASCII.GetBytes("\"" + _lastEntry + "\"");
                }
                Entry = _lastEntry;
            }
            Param = line.Skip(ForParam) ? line.Text() : null;
            IsFresh = IsProfiled = IsTraced = false;
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

        /// <summary>Takes over an exec request that was parsed.</summary>
        /// <exception cref="KeyNotFoundException">It names no generation.</exception>
        /// <exception cref="System.InvalidCastException">The generation is not a string.</exception>
        internal void Take(long id, JsonObject wanted)
        {
            Id = id;
            Generation = (string)wanted["generation"];
            _quoted = new byte[] { 0 };
            Entry = Optional(wanted, "entry") as string;
            Param = Optional(wanted, "param") as string;
            IsFresh = Optional(wanted, "fresh") is bool;
            IsProfiled = Optional(wanted, "profile") is bool;
            IsTraced = Optional(wanted, "trace") is bool;
            Plan = Optional(wanted, "plan") as JsonObject;
            Values = Optional(wanted, "values") as List<object>;
            object bits = Optional(wanted, "certain");
            Certain = bits is long ? (long)bits : 0;
        }

        private static object Optional(JsonObject wanted, string name)
        {
            object value;
            return wanted.TryGetValue(name, out value) ? value : null;
        }
    }
}
