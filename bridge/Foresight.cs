using System.Collections.Generic;

namespace SRBridge
{
    /// <summary>Values that came with the running exec, and edits that the host says cannot fail.</summary>
    /// <remarks>
    /// A script never sees a wrong guess: a certain edit drops the values that it may have changed, and any other edit
    /// drops all values and all certainty. Used under the lock of the turn.
    /// </remarks>
    internal sealed class Foresight
    {
        private const int LongestText = 8 * 1024;
        private const int LongestWord = 256;

        private Plan _plan;
        private List<object> _values;
        private long _certain;
        private long _dropped;

        /// <summary>The values that the script has used, as bits.</summary>
        internal long Used;

        /// <summary>Starts with what came with an exec. Values that do not match the plan are ignored.</summary>
        /// <param name="plan">The plan of the running generation; null for none.</param>
        /// <param name="values">One value for each read of the plan; null when none came.</param>
        /// <param name="certain">The plan's edits that cannot fail on this message, as bits.</param>
        internal void ExecStarts(Plan plan, List<object> values, long certain)
        {
            bool fits = plan != null && values != null && values.Count == plan.Groups.Length;
            _plan = fits ? plan : null;
            _values = values;
            _certain = certain;
            _dropped = 0;
            Used = 0;
        }

        /// <summary>Drops all values and all certainty: from now on the host is asked.</summary>
        internal void Forget()
        {
            _plan = null;
        }

        /// <summary>Goes on with an exec within which another one ran: what had come with it does not count any more.</summary>
        internal void Resume(long used)
        {
            _plan = null;
            Used = used;
        }

        /// <summary>Answers a read from the values that came with the exec.</summary>
        /// <returns>False when the value did not come, or an edit may have changed it.</returns>
        internal bool TryRead(string call, string name, out object value)
        {
            value = null;
            int place = _plan == null ? -1 : _plan.FindRead(call, name);
            if (place < 0 || (_dropped >> place & 1) != 0)
            {
                return false;
            }
            value = _values[place];
            if (value is bool) // it could not be read ahead, or is too long
            {
                return false;
            }
            Used |= 1L << place;
            return true;
        }

        /// <summary>Looks whether an edit is certain to return 0, and if so drops the values that it may change.</summary>
        /// <returns>The number of the edit in the plan; -1 when the host has to be asked.</returns>
        internal int CertainEdit(Call call)
        {
            int edit = _plan == null ? -1 : _plan.FindEdit(call.Name, call.Target);
            if (edit < 0 || (_certain >> edit & 1) == 0)
            {
                return -1;
            }
            string text = call.Written;
            if (text != null && !Takes(text, _plan.TakesWordsOnly[edit]))
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
