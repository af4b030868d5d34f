using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Text;

namespace SRBridge
{
    /// <summary>Reads one JSON value out of a line of ASCII bytes.</summary>
    /// <remarks>Objects are dictionaries, arrays are lists, numbers are long or double.</remarks>
    internal sealed class JsonReader
    {
        private const int MaxDepth = 32;
        private readonly StringBuilder _text = new StringBuilder();
        private byte[] _bytes;
        private int _at;
        private int _end;

        /// <exception cref="InvalidDataException">The line is not exactly one JSON value.</exception>
        internal object Read(byte[] bytes, int start, int length)
        {
            _bytes = bytes;
            _at = start;
            _end = start + length;
            object value = Value(0);
            Blanks();
            if (_at != _end)
            {
                throw Bad("nothing after the value");
            }
            return value;
        }

        private object Value(int depth)
        {
            if (depth > MaxDepth)
            {
                throw Bad("less depth");
            }
            Blanks();
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
                    return true;
                case 'f':
                    Word("false");
                    return false;
                case 'n':
                    Word("null");
                    return null;
                default:
                    return Number();
            }
        }

        private Dictionary<string, object> Object(int depth)
        {
            var members = new Dictionary<string, object>();
            _at++;
            Blanks();
            if (Peek() == '}')
            {
                _at++;
                return members;
            }
            while (true)
            {
                Blanks();
                string name = Text();
                Blanks();
                Take(':');
                members[name] = Value(depth + 1);
                Blanks();
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
            Blanks();
            if (Peek() == ']')
            {
                _at++;
                return items;
            }
            while (true)
            {
                items.Add(Value(depth + 1));
                Blanks();
                if (Peek() == ']')
                {
                    _at++;
                    return items;
                }
                Take(',');
            }
        }

        private string Text()
        {
            Take('"');
            int start = _at;
            while (_at < _end && _bytes[_at] != '"' && _bytes[_at] != '\\')
            {
                _at++;
            }
            if (Peek() == '"')
            {
                return Encoding.ASCII.GetString(_bytes, start, _at++ - start);
            }
            _text.Length = 0;
            _text.Append(Encoding.ASCII.GetString(_bytes, start, _at - start));
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
                default: throw Bad("an escape");
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
                    throw Bad("four hexadecimal digits");
                }
                value = value << 4 | digit;
                _at++;
            }
            return (char)value;
        }

        private object Number()
        {
            int start = _at;
            bool isWhole = true;
            while (_at < _end && "+-.eE0123456789".IndexOf((char)_bytes[_at]) >= 0)
            {
                isWhole &= _bytes[_at] == '-' || _bytes[_at] >= '0' && _bytes[_at] <= '9';
                _at++;
            }
            string digits = Encoding.ASCII.GetString(_bytes, start, _at - start);
            long whole;
            double real;
            if (isWhole && long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole))
            {
                return whole;
            }
            if (double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out real))
            {
                return real;
            }
            throw Bad("a value");
        }

        private void Word(string word)
        {
            foreach (char c in word)
            {
                Take(c);
            }
        }

        private void Blanks()
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
                throw Bad("more text");
            }
            return _bytes[_at];
        }

        private void Take(char c)
        {
            if (Peek() != c)
            {
                throw Bad("'" + c + "'");
            }
            _at++;
        }

        private InvalidDataException Bad(string expected)
        {
            return new InvalidDataException("expected " + expected + " at byte " + _at + " of the line");
        }
    }

    /// <summary>Builds JSON text, ASCII only, in one growing buffer.</summary>
    internal sealed class JsonWriter
    {
        private const string Hex = "0123456789abcdef";

        internal byte[] Bytes = new byte[4096];
        internal int Length;

        /// <summary>Writes text that is JSON already.</summary>
        internal JsonWriter Raw(string json)
        {
            Reserve(json.Length);
            foreach (char c in json)
            {
                Bytes[Length++] = (byte)c;
            }
            return this;
        }

        internal JsonWriter Number(long number)
        {
            return Raw(number.ToString(CultureInfo.InvariantCulture));
        }

        /// <summary>Writes a string. Lone surrogates U+DC80..U+DCFF stand for bytes and pass.</summary>
        /// <returns>False at any other lone surrogate; the caller takes back what was written.</returns>
        internal bool TryText(string text)
        {
            Reserve(text.Length * 6 + 2);
            Bytes[Length++] = (byte)'"';
            for (int i = 0; i < text.Length; i++)
            {
                char c = text[i];
                if (c >= ' ' && c <= '~' && c != '"' && c != '\\')
                {
                    Bytes[Length++] = (byte)c;
                    continue;
                }
                if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                {
                    Escape(c);
                    Escape(text[++i]);
                    continue;
                }
                if (char.IsSurrogate(c) && (c < '\udc80' || c > '\udcff'))
                {
                    return false;
                }
                Escape(c);
            }
            Bytes[Length++] = (byte)'"';
            return true;
        }

        /// <summary>Writes a string; a lone surrogate that is no byte becomes U+FFFD.</summary>
        internal JsonWriter Text(string text)
        {
            int mark = Length;
            if (!TryText(text))
            {
                Length = mark;
                TryText(Mended(text));
            }
            return this;
        }

        private static string Mended(string text)
        {
            var mended = new StringBuilder(text);
            for (int i = 0; i < text.Length; i++)
            {
                if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                {
                    i++;
                }
                else if (char.IsSurrogate(text[i]) && (text[i] < '\udc80' || text[i] > '\udcff'))
                {
                    mended[i] = '\ufffd';
                }
            }
            return mended.ToString();
        }

        private void Escape(char c)
        {
            Bytes[Length++] = (byte)'\\';
            int shorthand = "\"\\\n\r\t".IndexOf(c);
            if (shorthand >= 0)
            {
                Bytes[Length++] = (byte)"\"\\nrt"[shorthand];
                return;
            }
            Bytes[Length++] = (byte)'u';
            for (int shift = 12; shift >= 0; shift -= 4)
            {
                Bytes[Length++] = (byte)Hex[c >> shift & 0xf];
            }
        }

        private void Reserve(int more)
        {
            if (Length + more > Bytes.Length)
            {
                System.Array.Resize(ref Bytes, System.Math.Max(Bytes.Length * 2, Length + more));
            }
        }
    }
}
