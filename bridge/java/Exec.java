package srbridge;

import java.util.List;

/** One exec that runs, and what came ahead with it. */
final class Exec {
    // Texts of one exec that reach the log. runner/worker/outcome.py allows one text more, and some characters more:
    // the text that says how many were dropped.
    private static final int MOST_TEXTS = 999;
    private static final int MOST_CHARACTERS = 1024 * 1024 - 100;

    final long id;

    /** The exec that waits while this one runs within it; null for none. */
    final Exec outer;

    /** The thread that runs it. */
    final Thread thread = Thread.currentThread();

    /** Whether each call says where in the script it is made. */
    final boolean isTraced;

    private Plan plan;
    private final List<Object> values;
    private final long certain;
    private long dropped;

    /** The values that the script has used, as bits. */
    long used;

    /** Nanoseconds that it waited for answers. */
    long waited;

    /** Whether the script called KSR.x.exit() or drop(). */
    boolean hasExited;

    /** Whether its own thread has to end because another one of its threads called that. */
    boolean isExitPending;

    /** Whether it began a thread. */
    volatile boolean hasThreads;

    private int texts;
    private int characters;

    /** How many of its log texts were dropped. */
    long textsDropped;

    /** Values that do not match the plan are ignored. */
    Exec(ExecRequest request, Plan plan, Exec outer) {
        id = request.id;
        this.outer = outer;
        this.plan = plan != null && plan.fits(request.values) ? plan : null;
        values = request.values;
        certain = request.certain;
        isTraced = request.isTraced;
    }

    /** How many execs run within each other, this one counted. */
    int depth() {
        return outer == null ? 1 : outer.depth() + 1;
    }

    /** Drops all that came ahead: from now on the host is asked. */
    void forget() {
        plan = null;
    }

    /** The value of a read that came ahead, a String, a Long or null; {@code this} when the host has to be asked. */
    Object ahead(String call, String name) {
        int place = plan == null ? -1 : plan.findRead(call, name);
        if (place < 0 || (dropped >> place & 1) != 0 || values.get(place) == Boolean.FALSE) {
            return this;
        }
        used |= 1L << place;
        return values.get(place);
    }

    /** The number of an edit that is certain to succeed; it drops the values that it may change. -1 for any other. */
    int certainEdit(String call, String target, Object value) {
        int edit = plan == null ? -1 : plan.findEdit(call, target, value);
        if (edit < 0 || (certain >> edit & 1) == 0) {
            return -1;
        }
        dropped |= plan.dropped(edit);
        return edit;
    }

    /** Counts one more log text; how many of its characters may be sent, -1 when it is dropped. */
    int countText(int length, int longest) {
        if (textsDropped > 0 || texts == MOST_TEXTS || characters == MOST_CHARACTERS) {
            textsDropped++;
            return -1;
        }
        int sent = Math.min(length, Math.min(longest, MOST_CHARACTERS - characters));
        texts++;
        characters += sent;
        return sent;
    }
}
