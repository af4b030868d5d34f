package srbridge;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Arrays;
import java.util.function.Supplier;

/** What a script threw, as text: only with the frames of the script. */
final class Thrown {
    private Thrown() {
    }

    /** Its type and message. */
    static String summary(Throwable thrown) {
        String message = message(thrown);
        return thrown.getClass().getName() + (message.isEmpty() ? "" : ": " + message);
    }

    static String message(Throwable thrown) {
        return described(thrown::getMessage);
    }

    /** As printStackTrace writes it. */
    static String stack(Throwable thrown) {
        return described(() -> {
            int depth = 0;
            for (Throwable each = thrown; each != null && depth < 100; each = each.getCause(), depth++) {
                each.setStackTrace(ofScript(each.getStackTrace()));
            }
            StringWriter text = new StringWriter();
            thrown.printStackTrace(new PrintWriter(text, true));
            return text.toString().stripTrailing();
        });
    }

    /** Where in the script it was thrown, as "path:line"; the path alone when that cannot be told. */
    static String placeOf(Throwable thrown, String path) {
        String file = path.substring(path.lastIndexOf('/') + 1);
        for (StackTraceElement frame : thrown.getStackTrace()) {
            if (file.equals(frame.getFileName()) && frame.getLineNumber() > 0) {
                return path + ":" + frame.getLineNumber();
            }
        }
        return path;
    }

    static boolean isOutOfMemory(Throwable thrown) {
        for (int depth = 0; thrown != null && depth < 100; thrown = thrown.getCause(), depth++) {
            if (thrown instanceof OutOfMemoryError) {
                return true;
            }
        }
        return false;
    }

    /** Without the frames of the bridge: how the script was called, and how its call asked. */
    private static StackTraceElement[] ofScript(StackTraceElement[] frames) {
        int from = 0;
        while (from < frames.length && isOurs(frames[from]) && !frames[from].getClassName().equals("srbridge.Entry")) {
            from++;
        }
        int to = from;
        while (to < frames.length && !isOurs(frames[to])) {
            to++;
        }
        while (to > from && to < frames.length && frames[to - 1].getClassName().contains(".reflect.")) {
            to--;
        }
        return Arrays.copyOfRange(frames, from, to);
    }

    private static boolean isOurs(StackTraceElement frame) {
        return frame.getClassName().startsWith("srbridge.") || frame.getClassName().startsWith("SR.");
    }

    /** A description of a script's exception, which may itself throw. */
    private static String described(Supplier<String> describe) {
        try {
            String text = describe.get();
            return text == null ? "" : text;
        } catch (Throwable error) { // whatever it throws
            return "(no description: it threw " + error.getClass().getName() + ")";
        }
    }
}
