package srbridge;

import SR.Host;
import SR.KsrException;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Answers the calls of a script, from what came with the exec or by asking over the wire.
 *
 * <p>A call counts only when it belongs to the running exec: see {@link Callers}. Every other call gets its error value
 * and never touches the wire. While a question waits for its answer, another exec may run within this one, on the
 * thread that waits; other threads of the outer exec wait with any call but a log text.
 */
final class Calls extends Host {
    private static final int MOST_ARGUMENTS = 6; // runner/calls.py, MOST_ARGUMENTS
    private static final int MOST_DEPTH = 8; // runner/wire/session.py, MAX_DEPTH
    private static final int EXIT_GATE_MS = 50;
    private static final Long ZERO = 0L;
    private static final Long ONE = 1L; // true, as it comes over the wire
    private static final Object REFUSED = new Object();

    private static final byte[] ANSWER = ExecRequest.ascii("{\"jsonrpc\":\"2.0\",\"id\":");
    private static final byte[] RESULT = ExecRequest.ascii(",\"result\":");
    private static final byte[] END = ExecRequest.ascii("}");

    // KSR.err(text) and its like are Core.Log with this level, which needs no answer.
    private static final Map<String, Integer> LEVELS =
        Map.of("crit", -2, "err", -1, "warn", 0, "notice", 1, "info", 2, "dbg", 3);

    private final Wire wire;
    private final Outbox outbox;
    private final Callers callers;
    private final Watch watch;
    private final Consumer<ExecRequest> run;
    private final ReentrantLock turn = new ReentrantLock();
    private final Condition innerEnded = turn.newCondition();
    private long question;
    private String refusal;
    private long answerable; // the exec whose main was entered and whose result was not sent; 0 for none

    /** {@code run} runs an exec that came while a question was open. */
    Calls(Wire wire, Outbox outbox, Callers callers, Watch watch, Consumer<ExecRequest> run) {
        this.wire = wire;
        this.outbox = outbox;
        this.callers = callers;
        this.watch = watch;
        this.run = run;
    }

    /** From now on calls are answered; {@code came} is when the exec came, in nanoseconds. */
    void starts(Exec exec, long came) {
        outbox.gate.lock();
        outbox.holdFrom(came);
        watch.execStarts();
        callers.starts(exec);
        answerable = exec.id;
        outbox.gate.unlock();
    }

    /** From now on calls do not count. Waits until the question of another thread, if there is one, is answered. */
    void ends(Exec exec) {
        turn.lock();
        outbox.gate.lock();
        logDropped(exec);
        callers.ends(exec);
        outbox.gate.unlock();
        if (exec.outer != null) {
            exec.outer.forget();
            innerEnded.signalAll();
        }
        turn.unlock();
    }

    /** The result was written: an exit belongs to the exec within which it ran, if to any. Call under the gate. */
    void answered(Exec exec) {
        answerable = exec.outer == null ? 0 : exec.outer.id;
        if (exec.outer == null) {
            watch.execEnded();
        }
    }

    /** Says that the process ends on purpose; nothing is sent after that. */
    void exiting(int code) {
        try {
            // A thread that holds the gate may be stuck in a write: the exit must not wait for it.
            if (outbox.gate.tryLock(EXIT_GATE_MS, TimeUnit.MILLISECONDS)) {
                Exec exec = callers.running();
                if (exec != null) {
                    logDropped(exec);
                }
                int mark = outbox.begin();
                outbox.line.raw("{\"jsonrpc\":\"2.0\",\"method\":\"exiting\",\"params\":{\"code\":").number(code);
                outbox.line.raw(",\"exec\":").number(answerable).raw("}}");
                outbox.end(mark);
                outbox.close();
                outbox.gate.unlock();
            }
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void log(int level, String text) {
        outbox.gate.lock();
        try {
            Exec exec = callers.mine();
            int sent = exec == null ? -1 : exec.countText(text.length(), outbox.maxLineBytes / 8);
            if (sent >= 0) {
                int mark = outbox.begin();
                outbox.line.raw("{\"jsonrpc\":\"2.0\",\"method\":\"Core.Log\",\"params\":[").number(level).raw(",");
                outbox.line.text(sent < text.length() ? text.substring(0, sent) : text).raw("]}");
                outbox.hold(mark);
            }
        } finally {
            outbox.gate.unlock();
        }
    }

    @Override
    public Object read(String call, String name) {
        turn.lock();
        try {
            Exec exec = mayCall();
            if (exec == null) {
                return null;
            }
            Object value = exec.ahead(call, name);
            return value == exec ? answer(call, name) : value;
        } finally {
            turn.unlock();
        }
    }

    @Override
    public Object edit(String call, String target, Object value) {
        turn.lock();
        try {
            Exec exec = mayCall();
            if (exec == null) {
                return null;
            }
            if (tryEdit(exec, call, target, value)) {
                return ZERO;
            }
            exec.forget();
            return target.isEmpty() && call.startsWith("HDR.") ? answer(call, value) : answer(call, target, value);
        } finally {
            turn.unlock();
        }
    }

    @Override
    public Object command(String call, Object... arguments) {
        turn.lock();
        try {
            Exec exec = mayCall();
            if (exec == null) {
                return null;
            }
            exec.forget();
            return arguments.length > MOST_ARGUMENTS + 1 ? null : answer(call, arguments);
        } finally {
            turn.unlock();
        }
    }

    @Override
    public Object ksr(String function, Object... arguments) {
        turn.lock();
        try {
            Exec exec = mayCall();
            if (exec == null) {
                throw new KsrException("KSR." + function + ": no exec is running, or it is not this thread's");
            }
            Object first = arguments.length > 0 ? arguments[0] : "";
            if (arguments.length == 1 && first instanceof String && LEVELS.containsKey(function)) {
                log(LEVELS.get(function), (String) first);
                return null;
            }
            Object value = arguments.length > 1 || !(first instanceof String) ? exec : exec.ahead(function, (String) first);
            if (value == exec) {
                value = editOf(exec, function, arguments);
            }
            if (value != exec) {
                return value;
            }
            exec.forget();
            if (arguments.length > MOST_ARGUMENTS || (value = ask("KSR", function, arguments)) == REFUSED) {
                throw new KsrException(arguments.length <= MOST_ARGUMENTS && refusal != null ? refusal
                    : "KSR." + function + ": its arguments are too many, too long, or no text that can be written");
            }
            return value;
        } finally {
            turn.unlock();
        }
    }

    @Override
    public void exit(boolean drops) {
        if (drops) {
            ksr("set_drop");
        }
        turn.lock();
        try {
            Exec exec = mayCall();
            if (exec == null) {
                return;
            }
            exec.hasExited = true;
            exec.isExitPending = Thread.currentThread() != exec.thread;
        } finally {
            turn.unlock();
        }
        throw new Exit();
    }

    /** Asks the runner for a file beside the running script: the hash of its copy, or null. */
    String find(String name) {
        Object hash = read("Helper.Find", name);
        return hash instanceof String ? (String) hash : null;
    }

    /** The running exec, when this thread belongs to it; waits while an exec runs within its own. Null for none. */
    private Exec mayCall() {
        while (true) {
            Exec mine = callers.mine();
            if (mine == null || mine == callers.running()) {
                if (mine != null && mine.isExitPending && Thread.currentThread() == mine.thread) {
                    mine.isExitPending = false; // a finally block may still make calls
                    throw new Exit();
                }
                return mine;
            }
            innerEnded.awaitUninterruptibly();
        }
    }

    /** Makes the edits of KSR that other calls make, too: KSR_EDITS in runner/calls.py. {@code exec} for any other. */
    private Object editOf(Exec exec, String function, Object[] arguments) {
        Object first = arguments.length > 0 ? arguments[0] : null;
        Object second = arguments.length > 1 ? arguments[1] : null;
        if (!(first instanceof String)) {
            return exec;
        }
        boolean isDone = false;
        switch (function) {
            case "pv.sets":
                isDone = second instanceof String && tryEdit(exec, "PV.SetS", (String) first, second);
                break;
            case "pv.seti":
                isDone = second instanceof Integer && tryEdit(exec, "PV.SetI", (String) first, second);
                break;
            case "hdr.append":
                isDone = tryEdit(exec, "HDR.Append", "", first);
                break;
            case "hdr.append_to_reply":
                isDone = tryEdit(exec, "HDR.AppendToReply", "", first);
                break;
            default:
        }
        return isDone ? (Object) ONE : exec;
    }

    private boolean tryEdit(Exec exec, String call, String target, Object value) {
        int edit = exec.certainEdit(call, target, value);
        if (edit < 0) {
            return false;
        }
        outbox.gate.lock();
        try {
            return outbox.tryEdit(edit, value);
        } finally {
            outbox.gate.unlock();
        }
    }

    private Object answer(String call, Object... arguments) {
        Object value = ask(call, arguments);
        return value == REFUSED ? null : value;
    }

    /** Sends a question and waits for its answer; {@link #REFUSED} with {@link #refusal}, or null there if not sent. */
    private Object ask(String call, Object... arguments) {
        refusal = null;
        outbox.gate.lock();
        try {
            int mark = outbox.begin();
            JsonWriter line = outbox.line;
            line.raw("{\"jsonrpc\":\"2.0\",\"id\":").number(question + 1).raw(",\"method\":\"").raw(call);
            line.raw("\",\"params\":");
            boolean isWritten = lengthOf(arguments) < outbox.maxLineBytes && Outbox.tryValue(line, arguments);
            line.raw("}");
            if (!isWritten || !outbox.fits(mark)) {
                outbox.takeBack(mark);
                return REFUSED;
            }
            question++;
            outbox.end(mark);
        } finally {
            outbox.gate.unlock();
        }
        return await(question, callers.running());
    }

    private Object await(long asked, Exec exec) {
        long began = System.nanoTime();
        long waited = exec.waited;
        try {
            while (wire.next()) {
                JsonReader line = wire.line;
                if (line.skip(ANSWER) && line.count() == asked && line.skip(RESULT)) {
                    Object value = line.value();
                    if (line.skip(END) && line.isAtEnd()) {
                        exec.waited = waited + System.nanoTime() - began;
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

    private void logDropped(Exec exec) {
        if (exec.textsDropped > 0) {
            int mark = outbox.begin();
            outbox.line.raw("{\"jsonrpc\":\"2.0\",\"method\":\"Core.Log\",\"params\":[0,\"").number(exec.textsDropped);
            outbox.line.raw(" more texts were dropped\\n\"]}");
            exec.textsDropped = 0;
            outbox.hold(mark);
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
