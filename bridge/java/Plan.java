package srbridge;

import java.util.List;
import java.util.Map;

/** What the runner has learned of one entry: the values and edits that travel with each of its execs. */
final class Plan {
    /** A read or an edit: its call, the variable, and its group; an edit of a group drops the values of that group. */
    private static final class Item {
        final String call;
        final String name;
        final long group;
        final boolean isWord;

        Item(List<Object> parts) {
            call = (String) parts.get(0);
            name = (String) parts.get(1);
            group = (Long) parts.get(2);
            isWord = parts.size() > 3 && !"any".equals(parts.get(3));
        }
    }

    private static final int LONGEST_TEXT = 8 * 1024;
    private static final int LONGEST_WORD = 256;

    private final Item[] reads;
    private final Item[] edits;
    private int nextRead;
    private int nextEdit;

    /** Takes {@code {reads: [[call, name, group], ...], edits: [[call, target, group, takes], ...]}}. */
    Plan(Map<String, Object> plan) {
        reads = items(plan.get("reads"));
        edits = items(plan.get("edits"));
    }

    /** Whether these values are those of its reads. */
    boolean fits(List<Object> values) {
        return values != null && values.size() == reads.length;
    }

    /** The number of a read; -1 when it is not in the plan. */
    int findRead(String call, String name) {
        int found = find(reads, call, name, nextRead);
        nextRead = found + 1;
        return found;
    }

    /** The number of an edit that can have this value; -1 when it is not in the plan. */
    int findEdit(String call, String target, Object value) {
        int found = find(edits, call, target, nextEdit);
        nextEdit = found + 1;
        return found >= 0 && (!(value instanceof String) || takes((String) value, edits[found].isWord)) ? found : -1;
    }

    /** The reads whose values an edit may change, as bits. */
    long dropped(int edit) {
        long bits = 0;
        for (int i = 0; edits[edit].group != 0 && i < reads.length; i++) {
            bits |= reads[i].group == edits[edit].group ? 1L << i : 0;
        }
        return bits;
    }

    private static Item[] items(Object list) {
        List<Object> all = ExecRequest.asList(list);
        Item[] items = new Item[all.size()];
        for (int i = 0; i < items.length; i++) {
            items[i] = new Item(ExecRequest.asList(all.get(i)));
        }
        return items;
    }

    /** Starts after the one found last: a script almost always makes its calls in the same order. */
    private static int find(Item[] among, String call, String name, int first) {
        for (int i = 0, at = first; i < among.length; i++, at++) {
            at = at < among.length ? at : 0;
            if (among[at].name.equals(name) && among[at].call.equals(call)) {
                return at;
            }
        }
        return -1;
    }

    private static boolean takes(String text, boolean wordsOnly) {
        if (text.isEmpty() || text.length() > (wordsOnly ? LONGEST_WORD : LONGEST_TEXT)) {
            return false;
        }
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean isWord = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
                || "+*#._-".indexOf(c) >= 0;
            if (wordsOnly ? !isWord : c == 0 || Character.isSurrogate(c)) {
                return false;
            }
        }
        return true;
    }
}
