package srbridge;

import java.util.Collection;

/** What the bridge answers to the runner's requests. Each reply passes the turn. */
final class Replies {
    static final int SCRIPT_THREW = -32000;
    static final int SCRIPT_CANNOT_RUN = -32001;
    static final int NO_SUCH_ENTRY = -32002;
    static final int INVALID_REQUEST = -32600;

    private static final int PROTOCOL = 3;
    private static final String CAN = "[\"values\",\"edits\",\"entries\",\"helpers\",\"profile\",\"within\",\"trace\"]";

    private final Outbox outbox;
    private final Calls calls;

    Replies(Outbox outbox, Calls calls) {
        this.outbox = outbox;
        this.calls = calls;
    }

    /** Says, before any request, that the worker has warmed up. */
    void ready() {
        outbox.gate.lock();
        int mark = outbox.begin();
        outbox.line.raw("{\"jsonrpc\":\"2.0\",\"method\":\"ready\",\"params\":{\"protocol\":").number(PROTOCOL);
        outbox.line.raw(",\"runtime\":").text(System.getProperty("java.version"));
        outbox.line.raw(",\"pid\":").number(ProcessHandle.current().pid()).raw(",\"can\":").raw(CAN).raw("}}");
        outbox.end(mark);
        outbox.gate.unlock();
    }

    /** Answers a load; {@code entries} is null when nothing was loaded because of {@code needs}. */
    void loaded(long id, Collection<String> needs, Collection<String> entries) {
        outbox.gate.lock();
        int mark = beginResult(id);
        outbox.line.raw("{\"needs\":");
        put(needs);
        if (entries != null) {
            outbox.line.raw(",\"entries\":");
            put(entries);
        }
        outbox.line.raw("}}");
        outbox.end(mark);
        outbox.gate.unlock();
    }

    /**
     * Answers an exec whose main returned. The edits that wait go with it.
     *
     * @param worn why this process should be replaced; null when it may go on
     * @param spent nanoseconds until main began, and of main without its waits; null when nobody asked
     */
    void returned(Exec exec, int code, String worn, long[] spent) {
        outbox.gate.lock();
        int mark = beginResult(exec.id);
        JsonWriter line = outbox.line;
        line.raw("{\"code\":").number(code).raw(",\"used\":").number(exec.used).raw(",\"edits\":");
        outbox.putEdits();
        if (exec.hasExited) {
            line.raw(",\"exited\":true");
        }
        if (worn != null) {
            line.raw(",\"worn\":").text(worn);
        }
        if (spent != null) {
            line.raw(",\"spent\":[").number(spent[0]).raw(",").number(spent[1]).raw("]");
        }
        line.raw("}}");
        outbox.end(mark);
        calls.answered(exec);
        outbox.gate.unlock();
    }

    /** Answers an exec whose main threw; {@code worn} as in {@link #returned}. */
    void threw(Exec exec, Throwable thrown, String worn) {
        error(exec.id, SCRIPT_THREW, Thrown.summary(thrown), thrown, worn);
        outbox.gate.lock();
        calls.answered(exec);
        outbox.gate.unlock();
    }

    /**
     * Answers any request with an error.
     *
     * @param cause the exception behind it; null for none
     * @param worn as in {@link #returned}; null without a cause
     */
    void error(long id, int code, String message, Throwable cause, String worn) {
        outbox.gate.lock();
        int mark = outbox.begin();
        JsonWriter line = outbox.line;
        line.raw("{\"jsonrpc\":\"2.0\",\"id\":").number(id).raw(",\"error\":{\"code\":").number(code);
        line.raw(",\"message\":").text(bounded(message));
        if (cause != null) {
            line.raw(",\"data\":{\"type\":").text(cause.getClass().getName());
            line.raw(",\"message\":").text(bounded(Thrown.message(cause)));
            line.raw(",\"stack\":").text(bounded(Thrown.stack(cause)));
            if (worn != null) {
                line.raw(",\"worn\":").text(worn);
            }
            line.raw("}");
        }
        line.raw("}}");
        outbox.end(mark);
        outbox.gate.unlock();
    }

    private int beginResult(long id) {
        int mark = outbox.beginResult();
        outbox.line.raw("{\"jsonrpc\":\"2.0\",\"id\":").number(id).raw(",\"result\":");
        return mark;
    }

    private void put(Collection<String> names) {
        String separator = "[";
        for (String name : names) {
            outbox.line.raw(separator).text(name);
            separator = ",";
        }
        outbox.line.raw(names.isEmpty() ? "[]" : "]");
    }

    private String bounded(String text) {
        int longest = outbox.maxLineBytes / 32;
        return text.length() > longest ? text.substring(0, longest) + " ..." : text;
    }
}
