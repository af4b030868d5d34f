using System;
using System.Diagnostics;
using System.IO;

namespace SRBridge
{
    /// <summary>The incoming half of the wire: lines of the runner, one at a time.</summary>
    internal sealed class Wire
    {
        private readonly int _fd;
        private readonly int _maxLineBytes;
        private byte[] _in = new byte[64 * 1024];
        private int _start;
        private int _end;

        /// <param name="fd">The descriptor that the runner's lines come from.</param>
        /// <param name="maxLineBytes">The longest line that may come.</param>
        internal Wire(int fd, int maxLineBytes)
        {
            _fd = fd;
            _maxLineBytes = maxLineBytes;
        }

        /// <summary>When the current line was complete, in ticks of <see cref="Stopwatch"/>.</summary>
        internal long LineCame;

        /// <summary>The bytes that were received. The current line is at <see cref="LineStart"/> until the next is read.</summary>
        internal byte[] Received
        {
            get { return _in; }
        }

        /// <summary>Where the current line starts in <see cref="Received"/>.</summary>
        internal int LineStart;

        /// <summary>The length of the current line in bytes, without its line feed.</summary>
        internal int LineLength;

        /// <summary>Waits for the next line, which becomes the current one.</summary>
        /// <returns>False at the end of the stream, also in the middle of a line.</returns>
        /// <exception cref="InvalidDataException">The line is too long.</exception>
        internal bool NextLine()
        {
            int seen = _start;
            while (true)
            {
                int stop = Array.IndexOf(_in, (byte)'\n', seen, _end - seen);
                if (stop >= 0)
                {
                    LineStart = _start;
                    LineLength = stop - _start;
                    _start = stop + 1;
                    LineCame = Stopwatch.GetTimestamp();
                    return true;
                }
                if (_end - _start > _maxLineBytes)
                {
                    throw new InvalidDataException("expected a line of at most " + _maxLineBytes + " bytes");
                }
                MakeRoom();
                seen = _end;
                int count = Native.Receive(_fd, _in, _end);
                if (count == 0)
                {
                    return false;
                }
                _end += count;
            }
        }

        /// <summary>Waits for the next line and parses it.</summary>
        /// <returns>The value; null at the end of the stream, and for the JSON value null.</returns>
        /// <exception cref="InvalidDataException">The line is not JSON, or too long.</exception>
        internal object Read(JsonReader reader)
        {
            return NextLine() ? reader.Read(_in, LineStart, LineLength) : null;
        }

        private void MakeRoom()
        {
            if (_start > 0)
            {
                Buffer.BlockCopy(_in, _start, _in, 0, _end - _start);
                _end -= _start;
                _start = 0;
            }
            if (_end == _in.Length)
            {
                Array.Resize(ref _in, _in.Length * 2);
            }
        }
    }
}
