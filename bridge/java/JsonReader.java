package srbridge;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads one line of the wire: JSON in ASCII with whole numbers. A text is a String, a number a Long, an object a Map.
 * Whatever it cannot read is an IllegalArgumentException.
 */
final class JsonReader {
    private static final int MOST_DEPTH = 64; // far more than any message has, far less than the stack

    private byte[] bytes;
    private int start;
    private int at;
    private int end;

    /** Starts with a line, without its line feed. */
    void open(byte[] line, int from, int to) {
        bytes = line;
        start = at = from;
        end = to;
    }

    /** Starts again at the beginning of the line. */
    void rewind() {
        at = start;
    }

    boolean isAtEnd() {
        return at == end;
    }

    /** Goes past these bytes, if they come next. */
    boolean skip(byte[] expected) {
        if (end - at < expected.length
                || !Arrays.equals(bytes, at, at + expected.length, expected, 0, expected.length)) {
            return false;
        }
        at += expected.length;
        return true;
    }

    /** Reads a number that is not negative; -1 when none comes next. */
    long count() {
        long value = -1;
        for (; at < end && bytes[at] >= '0' && bytes[at] <= '9' && value < Long.MAX_VALUE / 10 - 9; at++) {
            value = Math.max(value, 0) * 10 + bytes[at] - '0';
        }
        return value;
    }

    /** Reads the whole line as one value. */
    Object whole() {
        at = start;
        Object value = value(0);
        blank();
        if (at != end) {
            throw bad("the end");
        }
        return value;
    }

    /** Reads the value that comes next. */
    Object value() {
        return value(0);
    }

    private Object value(int depth) {
        blank();
        if (at == end || depth > MOST_DEPTH) {
            throw bad("a value");
        }
        switch (bytes[at]) {
            case '"':
                return text();
            case '{':
                return object(depth);
            case '[':
                return list(depth);
            case 't':
                return word("true", Boolean.TRUE);
            case 'f':
                return word("false", Boolean.FALSE);
            case 'n':
                return word("null", null);
            default:
                return number();
        }
    }

    private Map<String, Object> object(int depth) {
        Map<String, Object> members = new HashMap<>();
        at++;
        for (boolean more = !comes('}'); more; more = !comes('}')) {
            if (!members.isEmpty()) {
                expect(',');
            }
            blank();
            String name = text();
            expect(':');
            members.put(name, value(depth + 1));
        }
        return members;
    }

    private List<Object> list(int depth) {
        List<Object> items = new ArrayList<>();
        at++;
        for (boolean more = !comes(']'); more; more = !comes(']')) {
            if (!items.isEmpty()) {
                expect(',');
            }
            items.add(value(depth + 1));
        }
        return items;
    }

    private Object word(String word, Object value) {
        if (!skip(word.getBytes(StandardCharsets.US_ASCII))) {
            throw bad(word);
        }
        return value;
    }

    private Long number() {
        boolean isNegative = bytes[at] == '-';
        at += isNegative ? 1 : 0;
        int first = at;
        long value = count();
        if (value < 0 || bytes[first] == '0' && at > first + 1 || at < end && ".eE0123456789".indexOf(bytes[at]) >= 0) {
            throw bad("a whole number");
        }
        return isNegative ? -value : value;
    }

    /** Reads a text, whose quote comes next. */
    String text() {
        if (at == end || bytes[at] != '"') {
            throw bad("a text");
        }
        int from = ++at;
        while (at < end && bytes[at] != '"' && bytes[at] != '\\') {
            at++;
        }
        String plain = new String(bytes, from, at - from, StandardCharsets.ISO_8859_1);
        if (at < end && bytes[at] == '"') {
            at++;
            return plain;
        }
        StringBuilder text = new StringBuilder(plain);
        while (at < end && bytes[at] != '"') {
            char c = (char) bytes[at++];
            text.append(c == '\\' ? escape() : c);
        }
        expect('"');
        return text.toString();
    }

    private char escape() {
        char c = at < end ? (char) bytes[at++] : 0;
        int simple = "\"\\/bfnrt".indexOf(c);
        if (simple >= 0) {
            return "\"\\/\b\f\n\r\t".charAt(simple);
        }
        if (c != 'u' || end - at < 4) {
            throw bad("an escape");
        }
        int value = 0;
        for (int last = at + 4; at < last; at++) {
            int digit = Character.digit(bytes[at], 16);
            if (digit < 0) {
                throw bad("a hexadecimal digit");
            }
            value = value * 16 + digit;
        }
        return (char) value;
    }

    private boolean comes(char c) {
        blank();
        if (at < end && bytes[at] == c) {
            at++;
            return true;
        }
        return false;
    }

    private void expect(char c) {
        if (!comes(c)) {
            throw bad("'" + c + "'");
        }
    }

    private void blank() {
        while (at < end && (bytes[at] == ' ' || bytes[at] == '\t' || bytes[at] == '\r')) {
            at++;
        }
    }

    private IllegalArgumentException bad(String expected) {
        return new IllegalArgumentException("expected " + expected + " at byte " + (at - start) + " of the line");
    }
}
