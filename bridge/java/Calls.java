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
    private static final int EXIT_GATE_MS = 50;
    private static final int STACK_OF_A_CALL = 60; // small frames: more than a call has, down to the read of its answer
    private static final Long ZERO = 0L;
    private static final Long ONE = 1L; // true, as it comes over the wire

    // KSR.err(text) and its like are Core.Log with this level, which needs no answer.
    private static final Map<String, Integer> LEVELS =
        Map.of("crit", -2, "err", -1, "warn", 0, "notice", 1, "info", 2, "dbg", 3);

    private final Outbox outbox;
    private final Callers callers;
    private final Watch watch;
    private final ReentrantLock turn = new ReentrantLock();
    private final Condition innerEnded = turn.newCondition();
    private final Questions questions;
    private long answerable; // the load, or the exec whose main was entered, that was not answered; 0 for none

    /** {@code run} runs an exec that came while a question was open. */
    Calls(Wire wire, Outbox outbox, Callers callers, Watch watch, Consumer<ExecRequest> run) {
        this.outbox = outbox;
        this.callers = callers;
        this.watch = watch;
        questions = new Questions(wire, outbox, callers, turn, run);
    }

    /** An exit from now on ends this load; 0: none. */
    void loads(long id) {
        outbox.gate.lock();
        answerable = id;
        outbox.gate.unlock();
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
        while (callers.running() != exec) { // what another thread asked runs an exec within this one
            innerEnded.awaitUninterruptibly();
        }
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
        Thread.interrupted(); // else it would not wait for the gate
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
        requireStack(STACK_OF_A_CALL);
        outbox.gate.lock();
        try {
            Exec exec = callers.mine();
            int sent = exec == null ? -1 : exec.countText(text.length(), outbox.maxLineBytes / 8);
            if (sent >= 0) {
                String whole = sent < text.length() ? text.substring(0, sent) : text;
                int mark = outbox.begin();
                try {
                    outbox.line.raw("{\"jsonrpc\":\"2.0\",\"method\":\"Core.Log\",\"params\":[").number(level).raw(",");
                    outbox.line.text(whole).raw("]");
                    Places.endCall(outbox.line, exec);
                } catch (OutOfMemoryError error) {
                    outbox.takeBack(mark);
                    throw error;
                }
                outbox.hold(mark);
            }
        } finally {
            outbox.gate.unlock();
        }
    }

    @Override
    public Object read(String call, String name) {
        requireStack(STACK_OF_A_CALL);
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
        requireStack(STACK_OF_A_CALL);
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
        requireStack(STACK_OF_A_CALL);
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
        requireStack(STACK_OF_A_CALL);
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
            boolean isRead = arguments.length <= 1 && first instanceof String;
            Object value = isRead ? exec.ahead(function, (String) first) : exec;
            if (value == exec) {
                value = editOf(exec, function, arguments);
            }
            if (value != exec) {
                return value;
            }
            exec.forget();
            boolean isCall = arguments.length <= MOST_ARGUMENTS;
            value = isCall ? questions.ask("KSR", function, arguments) : Questions.REFUSED;
            if (value == Questions.REFUSED) {
                throw new KsrException(isCall && questions.refusal() != null ? questions.refusal()
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
            if (exec.isTraced && !drops) { // a trace has the end as well
                questions.ask("KSR", "x.exit", new Object[0]);
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
        Object value = questions.ask(call, arguments);
        return value == Questions.REFUSED ? null : value;
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

    /** Overflows now, before anything was locked or sent, where the stack has no room for a call. */
    private static int requireStack(int frames) {
        return frames == 0 ? 0 : requireStack(frames - 1) + 1;
    }
}
