using System;
using System.IO;
using System.Text;

namespace SRBridge
{
    /// <summary>Console output that goes to stderr and never throws, even when nobody reads stderr any more.</summary>
    internal sealed class StderrWriter : Stream
    {
        private readonly Stream _stderr = Console.OpenStandardError();

        public override bool CanRead
        {
            get { return false; }
        }

        public override bool CanSeek
        {
            get { return false; }
        }

        public override bool CanWrite
        {
            get { return true; }
        }

        public override long Length
        {
            get { throw new NotSupportedException(); }
        }

        public override long Position
        {
            get { throw new NotSupportedException(); }
            set { throw new NotSupportedException(); }
        }

        /// <summary>Makes it the target of <c>Console.Out</c> and <c>Console.Error</c>.</summary>
        internal static void Install()
        {
            var writer = new StreamWriter(new StderrWriter(), new UTF8Encoding(false)) { AutoFlush = true };
            TextWriter shared = TextWriter.Synchronized(writer);
            Console.SetOut(shared);
            Console.SetError(shared);
        }

        public override void Write(byte[] buffer, int offset, int count)
        {
            try
            {
                _stderr.Write(buffer, offset, count);
            }
            catch (IOException)
            {
                // The reader of stderr has gone. A print of a script must not throw for that reason.
            }
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            throw new NotSupportedException();
        }

        public override long Seek(long offset, SeekOrigin origin)
        {
            throw new NotSupportedException();
        }

        public override void SetLength(long value)
        {
            throw new NotSupportedException();
        }
    }
}
