using System.Collections.Generic;

namespace SRBridge
{
    /// <summary>What travels with each exec of one generation, as the runner told it once.</summary>
    internal sealed class Plan
    {
        internal struct Edit
        {
            internal int Bit;
            internal int Group;
            internal bool TakesWordsOnly;
        }

        private readonly Dictionary<string, Dictionary<string, int>> _reads = new Dictionary<string, Dictionary<string, int>>();
        private readonly Dictionary<string, Dictionary<string, Edit>> _edits = new Dictionary<string, Dictionary<string, Edit>>();

        /// <summary>The group of each value; group 0 is changed by no certain edit.</summary>
        internal readonly int[] Groups;

        /// <param name="told"><c>{reads: [[call, name, group], ...], edits: [[call, target, group, takes], ...]}</c></param>
        internal Plan(Dictionary<string, object> told)
        {
            var reads = (List<object>)told["reads"];
            Groups = new int[reads.Count];
            for (int i = 0; i < reads.Count; i++)
            {
                var read = (List<object>)reads[i];
                Of(_reads, (string)read[0])[(string)read[1]] = i;
                Groups[i] = (int)(long)read[2];
            }
            var edits = (List<object>)told["edits"];
            for (int i = 0; i < edits.Count; i++)
            {
                var edit = (List<object>)edits[i];
                Of(_edits, (string)edit[0])[(string)edit[1]] = new Edit
                {
                    Bit = i, Group = (int)(long)edit[2], TakesWordsOnly = (string)edit[3] != "any"
                };
            }
        }

        internal bool FindRead(string call, string name, out int place)
        {
            Dictionary<string, int> names;
            place = 0;
            return _reads.TryGetValue(call, out names) && names.TryGetValue(name, out place);
        }

        internal bool FindEdit(string call, string target, out Edit edit)
        {
            Dictionary<string, Edit> targets;
            edit = default(Edit);
            return _edits.TryGetValue(call, out targets) && targets.TryGetValue(target, out edit);
        }

        private static Dictionary<string, T> Of<T>(Dictionary<string, Dictionary<string, T>> all, string call)
        {
            Dictionary<string, T> found;
            if (!all.TryGetValue(call, out found))
            {
                all[call] = found = new Dictionary<string, T>();
            }
            return found;
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
            int place;
            value = null;
            if (_plan == null || !_plan.FindRead(call, name, out place) || (_dropped >> place & 1) != 0)
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
        internal bool IsCertain(string call, string target, string text)
        {
            Plan.Edit edit;
            if (_plan == null || !_plan.FindEdit(call, target, out edit) || (_certain >> edit.Bit & 1) == 0
                || text != null && !Takes(edit, text))
            {
                return false;
            }
            if (edit.Group != 0)
            {
                for (int i = 0; i < _plan.Groups.Length; i++)
                {
                    _dropped |= _plan.Groups[i] == edit.Group ? 1L << i : 0;
                }
            }
            return true;
        }

        private static bool Takes(Plan.Edit edit, string text)
        {
            if (text.Length == 0 || text.Length > LongestText)
            {
                return false;
            }
            foreach (char c in text)
            {
                bool isWord = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || "+*#._-".IndexOf(c) >= 0;
                if (!isWord && (edit.TakesWordsOnly || c == '\0' || char.IsSurrogate(c)))
                {
                    return false;
                }
            }
            return true;
        }
    }
}
