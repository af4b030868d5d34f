using System.Text;

namespace SRBridge
{
    /// <summary>Builds JSON text, ASCII only, in one buffer that grows.</summary>
    internal sealed class JsonWriter
    {
        private const string Hex = "0123456789abcdef";

        internal byte[] Bytes = new byte[4096];

        /// <summary>How many of <see cref="Bytes"/> are written. A smaller value takes back what was written last.</summary>
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

        /// <summary>Writes the JSON that another writer holds.</summary>
        internal JsonWriter Raw(JsonWriter json)
        {
            Reserve(json.Length);
            System.Buffer.BlockCopy(json.Bytes, 0, Bytes, Length, json.Length);
            Length += json.Length;
            return this;
        }

        /// <summary>Writes a number.</summary>
        internal JsonWriter Number(long number)
        {
            const int longest = 20;
            if (number == long.MinValue)
            {
                return Raw("-9223372036854775808");
            }
            Reserve(longest);
            if (number < 0)
            {
                Bytes[Length++] = (byte)'-';
                number = -number;
            }
            int digits = 1;
            for (long rest = number / 10; rest > 0; rest /= 10)
            {
                digits++;
            }
            Length += digits;
            for (int at = Length - 1; digits > 0; digits--, at--)
            {
                Bytes[at] = (byte)('0' + number % 10);
                number /= 10;
            }
            return this;
        }

        /// <summary>Writes a string. Lone surrogates U+DC80..U+DCFF stand for bytes (PEP 383) and are written.</summary>
        /// <returns>False at any other lone surrogate; the caller has to take back what was written.</returns>
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

        /// <summary>Writes a string; a lone surrogate that does not stand for a byte becomes U+FFFD.</summary>
        internal JsonWriter Text(string text)
        {
            int mark = Length;
            if (!TryText(text))
            {
                Length = mark;
                TryText(Repaired(text));
            }
            return this;
        }

        private static string Repaired(string text)
        {
            var repaired = new StringBuilder(text);
            for (int i = 0; i < text.Length; i++)
            {
                if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                {
                    i++;
                }
                else if (char.IsSurrogate(text[i]) && (text[i] < '\udc80' || text[i] > '\udcff'))
                {
                    repaired[i] = '\ufffd';
                }
            }
            return repaired.ToString();
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
