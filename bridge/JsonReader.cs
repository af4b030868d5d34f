using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;

namespace SRBridge
{
    /// <summary>Reads a line of ASCII bytes as JSON, as a whole or piece by piece.</summary>
    /// <remarks>
    /// An object becomes a <see cref="JsonObject"/>, an array a list, a number a long or a double. Every method that reads
    /// throws <see cref="InvalidDataException"/> when something else comes than it expects, unless it returns false.
    /// </remarks>
    internal sealed class JsonReader
    {
        private const int MaxDepth = 32;
        private const int NameSlots = 64;
        private static readonly object True = true;
        private static readonly object False = false;

        private readonly StringBuilder _text = new StringBuilder();
        private readonly string[] _names = new string[NameSlots];
        private byte[] _bytes;
        private int _at;
        private int _end;

        /// <summary>Starts on a line that the caller reads piece by piece.</summary>
        internal void Open(byte[] bytes, int start, int length)
        {
            _bytes = bytes;
            _at = start;
            _end = start + length;
        }

        /// <summary>True when the whole line was read.</summary>
        internal bool IsAtEnd
        {
            get { return _at == _end; }
        }

        /// <summary>Skips these bytes, if they come next.</summary>
        /// <returns>False when others come; nothing is skipped.</returns>
        internal bool Skip(byte[] text)
        {
            if (text.Length > _end - _at)
            {
                return false;
            }
            for (int i = 0; i < text.Length; i++)
            {
                if (_bytes[_at + i] != text[i])
                {
                    return false;
                }
            }
            _at += text.Length;
            return true;
        }

        /// <summary>Reads a number of up to 18 digits without a sign, if one comes next.</summary>
        /// <returns>False when no digit comes next; nothing is read.</returns>
        internal bool TryCount(out long number)
        {
            const int surelyFits = 18;
            int first = _at;
            number = 0;
            while (_at < _end && _bytes[_at] >= '0' && _bytes[_at] <= '9' && _at - first < surelyFits)
            {
                number = number * 10 + (_bytes[_at++] - '0');
            }
            return _at > first;
        }

        /// <summary>Reads a whole line.</summary>
        /// <exception cref="InvalidDataException">The line is not exactly one JSON value.</exception>
        internal object Read(byte[] bytes, int start, int length)
        {
            Open(bytes, start, length);
            object value = Value(0);
            SkipBlanks();
            if (_at != _end)
            {
                throw Expected("nothing after the value");
            }
            return value;
        }

        /// <summary>Reads the value that comes next.</summary>
        /// <param name="depth">How many objects and arrays are around it.</param>
        internal object Value(int depth)
        {
            if (depth > MaxDepth)
            {
                throw Expected("at most " + MaxDepth + " nested values");
            }
            SkipBlanks();
            switch (Peek())
            {
                case '{':
                    return Object(depth);
                case '[':
                    return Array(depth);
                case '"':
                    return Text();
                case 't':
                    Word("true");
                    return True;
                case 'f':
                    Word("false");
                    return False;
                case 'n':
                    Word("null");
                    return null;
                default:
                    return Number();
            }
        }

        private JsonObject Object(int depth)
        {
            var members = new JsonObject();
            _at++;
            SkipBlanks();
            if (Peek() == '}')
            {
                _at++;
                return members;
            }
            while (true)
            {
                SkipBlanks();
                string name = Name();
                SkipBlanks();
                Take(':');
                members.Add(name, Value(depth + 1));
                SkipBlanks();
                if (Peek() == '}')
                {
                    _at++;
                    return members;
                }
                Take(',');
            }
        }

        private List<object> Array(int depth)
        {
            var items = new List<object>();
            _at++;
            SkipBlanks();
            if (Peek() == ']')
            {
                _at++;
                return items;
            }
            while (true)
            {
                items.Add(Value(depth + 1));
                SkipBlanks();
                if (Peek() == ']')
                {
                    _at++;
                    return items;
                }
                Take(',');
            }
        }

        /// <summary>A member's name. The same few names come in every line, so their strings are kept.</summary>
        private string Name()
        {
            int start = _at;
            int end = System.Array.IndexOf(_bytes, (byte)'"', start + 1, System.Math.Max(0, _end - start - 1));
            int length = end - start - 1;
            if (length < 1 || _bytes[start] != '"')
            {
                return Text();
            }
            int slot = (length * 7 + _bytes[start + 1] + _bytes[end - 1]) % NameSlots;
            string known = _names[slot];
            if (known == null || known.Length != length)
            {
                return _names[slot] = Text();
            }
            for (int i = 0; i < length; i++)
            {
                if (_bytes[start + 1 + i] != known[i])
                {
                    return _names[slot] = Text();
                }
            }
            _at = end + 1;
            return known;
        }

        /// <summary>A piece of the line as a string. An encoding would be slower: it looks at each byte twice.</summary>
        private unsafe string Ascii(int start, int length)
        {
            if (length == 0)
            {
                return "";
            }
            var text = new string('\0', length);
            fixed (char* to = text)
            fixed (byte* from = &_bytes[start])
            {
                for (int i = 0; i < length; i++)
                {
                    to[i] = (char)from[i];
                }
            }
            return text;
        }

        /// <summary>Reads the text that comes next.</summary>
        internal string Text()
        {
            Take('"');
            int start = _at;
            while (_at < _end && _bytes[_at] != '"' && _bytes[_at] != '\\')
            {
                _at++;
            }
            if (Peek() == '"')
            {
                return Ascii(start, _at++ - start);
            }
            _text.Length = 0;
            _text.Append(Ascii(start, _at - start));
            while (true)
            {
                char next = (char)Peek();
                _at++;
                if (next == '"')
                {
                    return _text.ToString();
                }
                _text.Append(next == '\\' ? Escape() : next);
            }
        }

        private char Escape()
        {
            char letter = (char)Peek();
            _at++;
            switch (letter)
            {
                case 'n': return '\n';
                case 'r': return '\r';
                case 't': return '\t';
                case 'b': return '\b';
                case 'f': return '\f';
                case '"': return '"';
                case '\\': return '\\';
                case '/': return '/';
                case 'u': return Unicode();
                default: throw Expected("an escape");
            }
        }

        private char Unicode()
        {
            int value = 0;
            for (int i = 0; i < 4; i++)
            {
                int c = Peek();
                int digit = c >= '0' && c <= '9' ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                    : -1;
                if (digit < 0)
                {
                    throw Expected("four hexadecimal digits");
                }
                value = value << 4 | digit;
                _at++;
            }
            return (char)value;
        }

        private object Number()
        {
            int start = _at;
            bool isNegative = _bytes[start] == '-';
            _at += isNegative ? 1 : 0;
            long whole;
            if (TryCount(out whole) && (_at == _end || "+-.eE0123456789".IndexOf((char)_bytes[_at]) < 0))
            {
                return isNegative ? -whole : whole;
            }
            while (_at < _end && "+-.eE0123456789".IndexOf((char)_bytes[_at]) >= 0)
            {
                _at++;
            }
            string digits = Ascii(start, _at - start);
            double real;
            if (long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole))
            {
                return whole;
            }
            if (double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out real))
            {
                return real;
            }
            throw Expected("a value");
        }

        private void Word(string word)
        {
            foreach (char c in word)
            {
                Take(c);
            }
        }

        private void SkipBlanks()
        {
            while (_at < _end && (_bytes[_at] == ' ' || _bytes[_at] == '\t' || _bytes[_at] == '\r'))
            {
                _at++;
            }
        }

        private int Peek()
        {
            if (_at >= _end)
            {
                throw Expected("more text");
            }
            return _bytes[_at];
        }

        private void Take(char c)
        {
            if (Peek() != c)
            {
                throw Expected("'" + c + "'");
            }
            _at++;
        }

        private InvalidDataException Expected(string expected)
        {
            return new InvalidDataException("expected " + expected + " at byte " + _at + " of the line");
        }
    }
}
