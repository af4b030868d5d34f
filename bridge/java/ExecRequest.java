package srbridge;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** What an exec asks for. */
final class ExecRequest {
    private static final byte[] BEGIN = ascii("{\"jsonrpc\":\"2.0\",\"id\":");
    private static final byte[] GENERATION = ascii(",\"method\":\"exec\",\"params\":{\"generation\":");
    private static final byte[] ENTRY = ascii(",\"entry\":");
    private static final byte[] PARAM = ascii(",\"param\":");
    private static final byte[] VALUES = ascii(",\"values\":");
    private static final byte[] CERTAIN = ascii(",\"certain\":");
    private static final byte[] END = ascii("}}");

    long id;

    /** The build that runs, as its load named it. */
    String generation;

    /** The entry that runs; null for main. */
    String entry;

    /** The one argument of main or of the entry; null for none. */
    String param;

    /** Whether the script gets new statics first. */
    boolean isFresh;

    /** Whether the result says how much time was spent. */
    boolean isProfiled;

    /** Whether each call says where in the script it is made. */
    boolean isTraced;

    /** A new plan for what runs; null when the values belong to the last one, or there is none. */
    Map<String, Object> plan;

    /** Values in the order of the plan; null when none came. */
    List<Object> values;

    /** The plan's edits that cannot fail, as bits. */
    long certain;

    private ExecRequest() {
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    /**
     * Reads a line that has the form in which the runner almost always writes an exec.
     *
     * @return null for any other line, which is to be parsed
     */
    static ExecRequest common(JsonReader line) {
        if (!line.skip(BEGIN)) {
            return null;
        }
        ExecRequest exec = new ExecRequest();
        exec.id = line.count();
        if (!line.skip(GENERATION)) {
            return null;
        }
        exec.generation = line.text();
        exec.entry = line.skip(ENTRY) ? line.text() : null;
        exec.param = line.skip(PARAM) ? line.text() : null;
        if (line.skip(VALUES)) {
            exec.values = asList(line.value());
            if (!line.skip(CERTAIN)) {
                return null;
            }
            exec.certain = line.count();
        }
        return line.skip(END) && line.isAtEnd() && exec.id >= 0 && exec.certain >= 0 ? exec : null;
    }

    /**
     * Reads any other exec.
     *
     * @throws ClassCastException a member has another type
     * @throws NullPointerException a member is missing
     */
    static ExecRequest of(long id, Map<String, Object> params) {
        ExecRequest exec = new ExecRequest();
        exec.id = id;
        exec.generation = ((String) params.get("generation")).toString();
        exec.entry = (String) params.get("entry");
        exec.param = (String) params.get("param");
        exec.isFresh = params.get("fresh") == Boolean.TRUE;
        exec.isProfiled = params.get("profile") == Boolean.TRUE;
        exec.isTraced = params.get("trace") == Boolean.TRUE;
        exec.plan = asMap(params.get("plan"));
        exec.values = asList(params.get("values"));
        exec.certain = params.containsKey("certain") ? (Long) params.get("certain") : 0;
        return exec;
    }

    @SuppressWarnings("unchecked") // what JsonReader makes of an object
    static Map<String, Object> asMap(Object value) {
        return (Map<String, Object>) value;
    }

    @SuppressWarnings("unchecked") // what JsonReader makes of an array
    static List<Object> asList(Object value) {
        return (List<Object>) value;
    }
}
