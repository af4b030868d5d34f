package srbridge;

import java.util.Arrays;

/** Writes JSON in ASCII into bytes that grow. */
final class JsonWriter {
    private static final String HEX = "0123456789abcdef";

    byte[] bytes = new byte[8 * 1024];
    int length;

    /** Writes what is JSON already. */
    @SuppressWarnings("deprecation") // it is for ASCII only, and the one that writes to where the bytes belong
    JsonWriter raw(String ascii) {
        int count = ascii.length();
        makeRoom(count);
        ascii.getBytes(0, count, bytes, length);
        length += count;
        return this;
    }

    JsonWriter raw(JsonWriter other) {
        makeRoom(other.length);
        System.arraycopy(other.bytes, 0, bytes, length, other.length);
        length += other.length;
        return this;
    }

    JsonWriter number(long number) {
        return raw(Long.toString(number));
    }

    /** Writes a text; a surrogate that stands for nothing becomes U+FFFD. */
    JsonWriter text(String text) {
        put(text, true);
        return this;
    }

    /** Writes a text unless it has a surrogate that is neither half of a pair nor a byte (U+DC80..U+DCFF). */
    boolean tryText(String text) {
        return put(text, false);
    }

    private boolean put(String text, boolean isRepaired) {
        raw("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            makeRoom(12);
            if (c >= ' ' && c < 0x7F && c != '"' && c != '\\') {
                bytes[length++] = (byte) c;
                continue;
            }
            if (c == '"' || c == '\\') {
                bytes[length++] = '\\';
                bytes[length++] = (byte) c;
                continue;
            }
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                escape(c);
                c = text.charAt(++i);
            } else if (Character.isSurrogate(c) && (c < 0xDC80 || c > 0xDCFF)) {
                if (!isRepaired) {
                    return false;
                }
                c = 0xFFFD;
            }
            escape(c);
        }
        raw("\"");
        return true;
    }

    private void escape(char c) {
        bytes[length++] = '\\';
        bytes[length++] = 'u';
        for (int shift = 12; shift >= 0; shift -= 4) {
            bytes[length++] = (byte) HEX.charAt(c >> shift & 15);
        }
    }

    private void makeRoom(int more) {
        if (bytes.length - length < more) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + more));
        }
    }
}
