package srbridge;

import java.util.Optional;

/** Where in a script a call is made, for an exec that is traced. */
final class Places {
    private static final int LONGEST_FILE = 4096; // runner/wire/session.py, LONGEST_FILE

    private Places() {
    }

    /** Ends the message of a call: says where this thread makes it, where that is wanted and a frame is the script's. */
    static void endCall(JsonWriter line, Exec exec) {
        if (exec.isTraced) {
            Optional<StackTraceElement> frame = StackWalker.getInstance().walk(frames ->
                frames.map(StackWalker.StackFrame::toStackTraceElement).filter(Places::isOfScript).findFirst());
            frame.ifPresent(found -> {
                line.raw(",\"at\":[").text(found.getFileName()).raw(",").number(found.getLineNumber()).raw("]");
            });
        }
        line.raw("}");
    }

    /** Whether it is neither the bridge's nor Java's own; those are in modules with names. */
    private static boolean isOfScript(StackTraceElement frame) {
        String file = frame.getFileName();
        return file != null && file.length() <= LONGEST_FILE && frame.getLineNumber() > 0
            && frame.getModuleName() == null
            && !frame.getClassName().startsWith("srbridge.") && !frame.getClassName().startsWith("SR.");
    }
}
