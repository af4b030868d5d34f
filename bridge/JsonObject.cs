using System;
using System.Collections.Generic;

namespace SRBridge
{
    /// <summary>The members of one JSON object. They are few, so comparing one by one is faster than hashing.</summary>
    internal sealed class JsonObject
    {
        private string[] _names = new string[8];
        private object[] _values = new object[8];
        private int _count;

        internal int Count
        {
            get { return _count; }
        }

        /// <summary>The names of the members, in their order.</summary>
        internal IEnumerable<string> Names
        {
            get { return new ArraySegment<string>(_names, 0, _count); }
        }

        /// <summary>The value of a member; null for the JSON value null.</summary>
        /// <exception cref="KeyNotFoundException">There is no such member.</exception>
        internal object this[string name]
        {
            get
            {
                object value;
                if (!TryGetValue(name, out value))
                {
                    throw new KeyNotFoundException("expected a member " + name);
                }
                return value;
            }
        }

        internal void Add(string name, object value)
        {
            if (_count == _names.Length)
            {
                Array.Resize(ref _names, 2 * _count);
                Array.Resize(ref _values, 2 * _count);
            }
            _names[_count] = name;
            _values[_count++] = value;
        }

        /// <summary>Finds a member by its name; the last one when the name occurs twice.</summary>
        /// <returns>False when there is no such member.</returns>
        internal bool TryGetValue(string name, out object value)
        {
            for (int i = _count - 1; i >= 0; i--)
            {
                if (_names[i] == name)
                {
                    value = _values[i];
                    return true;
                }
            }
            value = null;
            return false;
        }
    }
}
