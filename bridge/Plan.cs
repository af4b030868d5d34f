using System.Collections.Generic;

namespace SRBridge
{
    /// <summary>What the runner has learned of one generation: the values and edits that travel with each of its execs.</summary>
    /// <remarks>The runner sends it once; see <c>Plan</c> in runner/scripts/foresight.py.</remarks>
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

        /// <summary>The group of each value; no certain edit changes group 0.</summary>
        internal readonly int[] Groups;

        /// <summary>The group that each edit changes.</summary>
        internal readonly int[] EditGroups;

        /// <summary>Whether each edit is certain for words only, not for any text.</summary>
        internal readonly bool[] TakesWordsOnly;

        /// <param name="plan"><c>{reads: [[call, name, group], ...], edits: [[call, target, group, takes], ...]}</c></param>
        /// <exception cref="KeyNotFoundException">A member is missing.</exception>
        /// <exception cref="System.InvalidCastException">A member has another type.</exception>
        internal Plan(JsonObject plan)
        {
            var reads = (List<object>)plan["reads"];
            var edits = (List<object>)plan["edits"];
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

        /// <summary>Finds a value by its call and its name.</summary>
        /// <returns>Its index; -1 when the plan does not have it.</returns>
        internal int FindRead(string call, string name)
        {
            return Find(_reads, call, name, ref _nextRead);
        }

        /// <summary>Finds an edit by its call and its target.</summary>
        /// <returns>Its index, which is its bit; -1 when the plan does not have it.</returns>
        internal int FindEdit(string call, string target)
        {
            return Find(_edits, call, target, ref _nextEdit);
        }

        /// <summary>Starts after the one found last: a script almost always makes its calls in the same order.</summary>
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
}
