package SR;

import java.util.Objects;

/** What a function of Kamailio gives that may be a number, a text or nothing. It does not change. */
public final class XVal {
    private final Object value; // a String, a Long, or null

    XVal(Object answer) {
        value = answer instanceof Boolean ? (Object) ((Boolean) answer ? 1L : 0L) : answer;
    }

    /** True when it is nothing, for example the value of a variable that is not set. */
    public boolean isNull() {
        return value == null;
    }

    /** True when it is a number. A truth value is one, too: 1 or 0. */
    public boolean isNumber() {
        return value instanceof Long;
    }

    /** True when it is a text, the empty one included. */
    public boolean isText() {
        return value instanceof String;
    }

    /** The text, or the digits of the number; null when it is nothing. */
    public String text() {
        return value == null ? null : value.toString();
    }

    /**
     * The number, or that which the text has in decimal digits.
     *
     * @throws NumberFormatException it is nothing, or another text
     */
    public long number() {
        return value instanceof Long ? (Long) value : Long.parseLong(text());
    }

    /** False for nothing, 0 and the empty text, as in a routing script and in Python; else true. */
    public boolean isTrue() {
        return value instanceof Long ? (Long) value != 0 : value != null && !text().isEmpty();
    }

    /** Whether it is this text. Null is nothing. */
    public boolean is(String text) {
        return Objects.equals(value, text);
    }

    /** Whether it is this number; the text of its digits is not. */
    public boolean is(long number) {
        return Long.valueOf(number).equals(value);
    }

    /** True for a value with the same number, the same text, or twice nothing. */
    @Override
    public boolean equals(Object other) {
        return other instanceof XVal && Objects.equals(value, ((XVal) other).value);
    }

    @Override
    public int hashCode() {
        return Objects.hashCode(value);
    }

    /** The text, or the digits of the number; empty when it is nothing. */
    @Override
    public String toString() {
        return value == null ? "" : value.toString();
    }
}
