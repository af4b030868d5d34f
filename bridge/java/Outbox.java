package srbridge;

import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The outgoing half of the wire. Notices wait for the message that passes the turn and travel with it as one line;
 * edits wait for the result, which has them in it, and for anything else they become a notice before it.
 * Everything is used under {@link #gate}.
 */
final class Outbox {
    /** How long a notice or an edit waits at most, in milliseconds. */
    static final int HOLD_MS = 10;

    private static final long HOLD_NS = HOLD_MS * 1_000_000L;
    private static final int HOLD_BYTES = 32 * 1024;

    final ReentrantLock gate = new ReentrantLock();
    final int maxLineBytes;

    /** What will be sent. Byte 0 is kept free for the bracket that opens a batch. */
    final JsonWriter line = new JsonWriter();

    private final JsonWriter edits = new JsonWriter();
    private final OutputStream out;
    private int messages;
    private long since;
    private boolean isClosed;

    Outbox(OutputStream out, int maxLineBytes) {
        this.out = out;
        this.maxLineBytes = maxLineBytes;
        line.length = 1;
    }

    /** What waits is counted from now, in nanoseconds. */
    void holdFrom(long now) {
        since = now;
    }

    /** Starts a message; returns a mark for {@link #end}, {@link #hold}, {@link #fits} and {@link #takeBack}. */
    int begin() {
        editsToNotice();
        return beginResult();
    }

    /** Starts a result, which takes the edits with {@link #putEdits}. */
    int beginResult() {
        int mark = line.length;
        if (messages > 0) {
            line.raw(",");
        }
        return mark;
    }

    /** Writes the edits that wait as a list. */
    void putEdits() {
        line.raw("[").raw(edits).raw("]");
        edits.length = 0;
    }

    void takeBack(int mark) {
        line.length = mark;
    }

    boolean fits(int mark) {
        return line.length - mark < maxLineBytes - 4;
    }

    /** Ends a message that passes the turn. */
    void end(int mark) {
        join(mark);
        send();
    }

    /** Ends a message that waits for one that passes the turn. */
    void hold(int mark) {
        join(mark);
        if (line.length > HOLD_BYTES || isOverdue()) {
            send();
        }
    }

    /** Adds an edit to those that wait; false when it is too long or cannot be written. */
    boolean tryEdit(int edit, Object value) {
        int mark = edits.length;
        int longest = Math.min(HOLD_BYTES, maxLineBytes / 2); // a result still fits into the line beside them
        boolean isWritten = false;
        try {
            edits.raw(mark > 0 ? ",[" : "[").number(edit).raw(",");
            isWritten = tryValue(edits, value);
            edits.raw("]");
            isWritten &= edits.length - mark <= longest;
        } finally {
            if (!isWritten) { // also when there was no memory for it
                edits.length = mark;
            }
        }
        if (!isWritten) {
            return false;
        }
        if (edits.length > longest) {
            byte[] last = Arrays.copyOfRange(edits.bytes, mark + 1, edits.length);
            edits.length = mark;
            editsToNotice();
            System.arraycopy(last, 0, edits.bytes, 0, last.length);
            edits.length = last.length;
        }
        return true;
    }

    /** Sends what has waited too long. */
    void sendOverdue() {
        if (isOverdue() && !isEmpty()) {
            editsToNotice();
            if (messages > 0) {
                send();
            }
        }
    }

    boolean isEmpty() {
        return messages == 0 && edits.length == 0;
    }

    /** Nothing more is sent. */
    void close() {
        isClosed = true;
    }

    /** Writes a String, a number, a Boolean, or a list of these; false when a text cannot be written. */
    static boolean tryValue(JsonWriter json, Object value) {
        if (value instanceof String) {
            return json.tryText((String) value);
        }
        if (!(value instanceof Object[])) {
            json.raw(value.toString());
            return true;
        }
        boolean isWritten = true;
        String separator = "[";
        for (Object item : (Object[]) value) {
            json.raw(separator);
            isWritten &= tryValue(json, item);
            separator = ",";
        }
        json.raw(separator.equals("[") ? "[]" : "]");
        return isWritten;
    }

    private void editsToNotice() {
        if (edits.length > 0) {
            int mark = beginResult();
            line.raw("{\"jsonrpc\":\"2.0\",\"method\":\"edits\",\"params\":");
            putEdits();
            line.raw("}");
            hold(mark);
        }
    }

    private boolean isOverdue() {
        return System.nanoTime() - since >= HOLD_NS;
    }

    /** Adds a message to those that wait; when all do not fit into one line, those before it are sent first. */
    private void join(int mark) {
        if (messages > 0 && line.length > maxLineBytes - 4) {
            byte[] last = Arrays.copyOfRange(line.bytes, mark + 1, line.length);
            line.length = mark;
            send();
            System.arraycopy(last, 0, line.bytes, 1, last.length);
            line.length = 1 + last.length;
        }
        messages++;
    }

    private void send() {
        int start = 1;
        if (messages > 1) {
            start = 0;
            line.bytes[0] = '[';
            line.raw("]");
        }
        line.raw("\n");
        try {
            if (!isClosed) {
                out.write(line.bytes, start, line.length - start);
            }
        } catch (IOException error) {
            isClosed = true; // the runner has gone, and the watch ends the process
        }
        line.length = 1;
        messages = 0;
    }
}
