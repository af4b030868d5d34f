package srbridge;

import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Asks the runner what a call needs, and waits for the answer. Used under the lock of the turn. Before the answer
 * another exec may come, for what the script asks runs a route that runs a script. It runs on the thread that waits.
 */
final class Questions {
    /** The answer of a question that is an error, or that could not be sent. */
    static final Object REFUSED = new Object();

    private static final int MOST_DEPTH = 8; // runner/wire/session.py, MAX_DEPTH

    private static final byte[] ANSWER = ExecRequest.ascii("{\"jsonrpc\":\"2.0\",\"id\":");
    private static final byte[] RESULT = ExecRequest.ascii(",\"result\":");
    private static final byte[] END = ExecRequest.ascii("}");

    private final Wire wire;
    private final Outbox outbox;
    private final Callers callers;
    private final ReentrantLock turn;
    private final Consumer<ExecRequest> run;
    private long question;
    private String refusal;

    Questions(Wire wire, Outbox outbox, Callers callers, ReentrantLock turn, Consumer<ExecRequest> run) {
        this.wire = wire;
        this.outbox = outbox;
        this.callers = callers;
        this.turn = turn;
        this.run = run;
    }

    /** What the error said that was the last answer; null when the last question could not be sent. */
    String refusal() {
        return refusal;
    }

    /**
     * Sends a question and waits for its answer.
     *
     * @param arguments each a String, a number, a Boolean, or a list of these
     * @return a String, a Long, a Boolean or null; {@link #REFUSED} for an error, or when it could not be sent
     */
    Object ask(String call, Object... arguments) {
        refusal = null;
        Exec exec = callers.running();
        outbox.gate.lock();
        try {
            int mark = outbox.begin();
            boolean isWritten = false;
            try {
                JsonWriter line = outbox.line;
                line.raw("{\"jsonrpc\":\"2.0\",\"id\":").number(question + 1).raw(",\"method\":\"").raw(call);
                line.raw("\",\"params\":");
                isWritten = lengthOf(arguments) < outbox.maxLineBytes && Outbox.tryValue(line, arguments);
                Places.endCall(line, exec);
                isWritten &= outbox.fits(mark);
            } finally {
                if (!isWritten) { // also when there was no memory for it
                    outbox.takeBack(mark);
                }
            }
            if (!isWritten) {
                return REFUSED;
            }
            question++;
            outbox.end(mark);
        } finally {
            outbox.gate.unlock();
        }
        long began = System.nanoTime();
        Object answer = await(question, exec);
        exec.waited += System.nanoTime() - began;
        return answer;
    }

    private Object await(long asked, Exec exec) {
        try {
            while (wire.next()) {
                JsonReader line = wire.line;
                if (line.skip(ANSWER) && line.count() == asked && line.skip(RESULT)) {
                    Object value = line.value();
                    if (line.skip(END) && line.isAtEnd()) {
                        return value;
                    }
                }
                line.rewind();
                ExecRequest inner = ExecRequest.common(line);
                Map<String, Object> other = inner == null ? ExecRequest.asMap(line.whole()) : null;
                if (inner == null && "exec".equals(other.get("method"))) {
                    inner = ExecRequest.of((Long) other.get("id"), ExecRequest.asMap(other.get("params")));
                }
                if (inner == null) {
                    return parsed(other, asked);
                }
                if (exec.depth() == MOST_DEPTH) {
                    throw new IllegalArgumentException("expected at most " + MOST_DEPTH + " execs within each other");
                }
                runWithin(inner);
            }
        } catch (IllegalArgumentException | ClassCastException | NullPointerException error) {
            System.err.println("bridge: expected an answer or an exec: " + error.getMessage());
        }
        Native.endGroup(); // the turns are out of order or the runner has gone, so no later line can be trusted
        return REFUSED;
    }

    private Object parsed(Map<String, Object> answer, long asked) {
        if (!Long.valueOf(asked).equals(answer.get("id"))) {
            throw new IllegalArgumentException("expected the answer to question " + asked);
        }
        if (answer.containsKey("result")) {
            return answer.get("result");
        }
        Map<String, Object> error = ExecRequest.asMap(answer.get("error"));
        refusal = error != null && error.get("message") instanceof String ? (String) error.get("message")
            : "the call was refused";
        return REFUSED;
    }

    /** Runs an exec within the one that waits. Threads of the one that comes make calls, too. */
    private void runWithin(ExecRequest inner) {
        turn.unlock();
        try {
            run.accept(inner);
        } finally {
            turn.lock();
        }
    }

    private static long lengthOf(Object[] arguments) {
        long length = 0;
        for (Object argument : arguments) {
            length += argument instanceof String ? ((String) argument).length()
                : argument instanceof Object[] ? lengthOf((Object[]) argument) : 0;
        }
        return length;
    }
}
