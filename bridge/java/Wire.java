package srbridge;

import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;

/** The incoming half of the wire: lines of the runner, one at a time. */
final class Wire {
    // FileInputStream reads so much into its stack, and more into memory that it allocates for each read.
    private static final int PIECE = 8192;

    private final InputStream in;
    private final int maxLineBytes;
    private byte[] bytes = new byte[2 * PIECE];
    private int start;
    private int end;

    /** The current line. */
    final JsonReader line = new JsonReader();

    /** When the current line was complete, in nanoseconds. */
    long came;

    Wire(InputStream in, int maxLineBytes) {
        this.in = in;
        this.maxLineBytes = maxLineBytes;
    }

    /**
     * Waits for the next line, which becomes the current one.
     *
     * @return false at the end of the stream, also in the middle of a line
     * @throws IllegalArgumentException the line is too long
     */
    boolean next() {
        int seen = start;
        while (true) {
            for (; seen < end; seen++) {
                if (bytes[seen] == '\n') {
                    line.open(bytes, start, seen);
                    start = seen + 1;
                    came = System.nanoTime();
                    return true;
                }
            }
            if (end - start > maxLineBytes) {
                throw new IllegalArgumentException("expected a line of at most " + maxLineBytes + " bytes");
            }
            if (start > 0) {
                System.arraycopy(bytes, start, bytes, 0, end - start);
                end -= start;
                start = 0;
            }
            seen = end;
            if (bytes.length - end < PIECE) {
                bytes = Arrays.copyOf(bytes, bytes.length * 2);
            }
            int count = read();
            if (count <= 0) {
                return false;
            }
            end += count;
        }
    }

    private int read() {
        try {
            return in.read(bytes, end, PIECE);
        } catch (IOException error) {
            return -1;
        }
    }
}
