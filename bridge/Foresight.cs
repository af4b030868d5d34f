using System.Collections.Generic;

namespace SRBridge
{
    /// <summary>What travels with each exec of one generation, as the runner told it once.</summary>
    internal sealed class Plan
    {
        private struct Named
        {
            internal string Call;
            internal string Name;
        }

        private readonly Named[] _reads;
        private readonly Named[] _edits;
        private int _nextRead;
        private int _nextEdit;

        /// <summary>The group of each value; group 0 is changed by no certain edit.</summary>
        internal readonly int[] Groups;

        /// <summary>The group that each edit changes.</summary>
        internal readonly int[] EditGroups;

        /// <summary>Whether each edit surely takes words only.</summary>
        internal readonly bool[] TakesWordsOnly;

        /// <param name="told"><c>{reads: [[call, name, group], ...], edits: [[call, target, group, takes], ...]}</c></param>
        internal Plan(JsonObject told)
        {
            var reads = (List<object>)told["reads"];
            var edits = (List<object>)told["edits"];
            _reads = new Named[reads.Count];
            _edits = new Named[edits.Count];
            Groups = new int[reads.Count];
            EditGroups = new int[edits.Count];
            TakesWordsOnly = new bool[edits.Count];
            for (int i = 0; i < reads.Count; i++)
            {
                var read = (List<object>)reads[i];
                _reads[i] = new Named { Call = (string)read[0], Name = (string)read[1] };
                Groups[i] = (int)(long)read[2];
            }
            for (int i = 0; i < edits.Count; i++)
            {
                var edit = (List<object>)edits[i];
                _edits[i] = new Named { Call = (string)edit[0], Name = (string)edit[1] };
                EditGroups[i] = (int)(long)edit[2];
                TakesWordsOnly[i] = (string)edit[3] != "any";
            }
        }

        /// <summary>The place of a value, -1 for none.</summary>
        internal int FindRead(string call, string name)
        {
            return Find(_reads, call, name, ref _nextRead);
        }

        /// <summary>The bit of an edit, -1 for none.</summary>
        internal int FindEdit(string call, string target)
        {
            return Find(_edits, call, target, ref _nextEdit);
        }

        /// <summary>Begins behind the one found last: a script nearly always calls in the same order.</summary>
        private static int Find(Named[] among, string call, string name, ref int next)
        {
            for (int i = 0, at = next; i < among.Length; i++, at++)
            {
                at = at < among.Length ? at : 0;
                if (among[at].Name == name && among[at].Call == call)
                {
                    next = at + 1;
                    return at;
                }
            }
            return -1;
        }
    }

    /// <summary>Values that came with the exec that runs, and edits of which the host said that they cannot fail.</summary>
    /// <remarks>
    /// A guess never shows: an edit drops the values that it may have changed, and an edit that is not certain drops all
    /// of them, and all certainty with it. Used under the lock of the turn.
    /// </remarks>
    internal sealed class Foresight
    {
        private const int LongestText = 8 * 1024;
        private const int LongestWord = 256;

        private Plan _plan;
        private List<object> _values;
        private long _certain;
        private long _dropped;

        /// <summary>Which values the script asked for, as bits.</summary>
        internal long Used;

        internal void ExecStarts(Plan plan, List<object> values, long certain)
        {
            bool fits = plan != null && values != null && values.Count == plan.Groups.Length;
            _plan = fits ? plan : null;
            _values = values;
            _certain = certain;
            _dropped = 0;
            Used = 0;
        }

        /// <summary>From now on everything is asked for.</summary>
        internal void Forget()
        {
            _plan = null;
        }

        /// <summary>The answer to a read, where it came with the exec and still holds.</summary>
        internal bool TryRead(string call, string name, out object value)
        {
            value = null;
            int place = _plan == null ? -1 : _plan.FindRead(call, name);
            if (place < 0 || (_dropped >> place & 1) != 0)
            {
                return false;
            }
            value = _values[place];
            if (value is bool)
            {
                return false;
            }
            Used |= 1L << place;
            return true;
        }

        /// <summary>Whether an edit surely gives 0; then what depends on it is dropped.</summary>
        /// <param name="text">What is written; null for a number.</param>
        /// <returns>The number of the edit in the plan; -1 when it has to be asked for.</returns>
        internal int CertainEdit(string call, string target, string text)
        {
            int edit = _plan == null ? -1 : _plan.FindEdit(call, target);
            if (edit < 0 || (_certain >> edit & 1) == 0 || text != null && !Takes(text, _plan.TakesWordsOnly[edit]))
            {
                return -1;
            }
            int group = _plan.EditGroups[edit];
            for (int i = 0; group != 0 && i < _plan.Groups.Length; i++)
            {
                _dropped |= _plan.Groups[i] == group ? 1L << i : 0;
            }
            return edit;
        }

        private static bool Takes(string text, bool wordsOnly)
        {
            if (text.Length == 0 || text.Length > (wordsOnly ? LongestWord : LongestText))
            {
                return false;
            }
            foreach (char c in text)
            {
                if (wordsOnly)
                {
                    bool isWord = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || "+*#._-".IndexOf(c) >= 0;
                    if (!isWord)
                    {
                        return false;
                    }
                }
                else if (c == '\0' || char.IsSurrogate(c))
                {
                    return false;
                }
            }
            return true;
        }
    }
}
