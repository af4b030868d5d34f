package srbridge;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One generation of a script, loaded and ready to run. */
final class Script {
    private static final int MOST_ENTRIES = 1000; // runner/wire/session.py, MAX_ENTRIES

    private final Generation generation;
    private final List<String> types;
    private final Comparator<Method> order;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private Entry main;

    /** Where the script really is. */
    final String path;

    /** What its classes are loaded by. */
    ClassLoader loader;

    /**
     * Loads the classes of a script and runs their static initialisers.
     *
     * @param types the names of its classes: main is in the first one that has it
     * @param order the names of their methods, as the entries are to be named; the others come first, by their names
     * @param generation has these classes; null when the bridge itself has them
     * @throws InvalidScript there is nothing to run, or a class cannot be loaded or initialised
     */
    Script(String path, List<String> types, List<String> order, Generation generation) {
        this.path = path;
        this.types = types;
        this.order = Comparator.comparingInt((Method method) -> order.indexOf(method.getName()))
            .thenComparing(Method::toString);
        this.generation = generation;
        refresh();
        if (main == null && entries.isEmpty()) {
            throw new InvalidScript(path + ": expected public static int main(String[] args), or another public static"
                + " method that takes nothing or one String", null);
        }
    }

    /** The names of its entries. */
    List<String> entries() {
        return new ArrayList<>(entries.keySet());
    }

    /** An entry by its name, main for null; null when it has none. */
    Entry find(String name) {
        return name == null ? main : entries.get(name);
    }

    /** Loads the classes again, with new statics. What was learned about the entries stays. */
    void refresh() {
        loader = generation == null ? Script.class.getClassLoader() : generation.load();
        ClassLoader before = Thread.currentThread().getContextClassLoader();
        Thread.currentThread().setContextClassLoader(loader);
        try {
            for (String name : types) {
                Method[] methods = Class.forName(name, false, loader).getDeclaredMethods();
                Arrays.sort(methods, order);
                for (Method method : methods) {
                    add(method);
                }
            }
            Class.forName(main == null ? types.get(0) : main.method().getDeclaringClass().getName(), true, loader);
        } catch (ClassNotFoundException | LinkageError error) {
            Throwable cause = error instanceof ExceptionInInitializerError ? error.getCause() : error;
            throw new InvalidScript(Thrown.placeOf(cause, path) + ": " + Thrown.summary(cause), cause);
        } finally {
            Thread.currentThread().setContextClassLoader(before);
        }
    }

    /** It will not run again. */
    void forget() {
        if (generation != null) {
            generation.remove();
        }
    }

    private void add(Method method) {
        if (Entry.isMain(method)) {
            if (main == null) {
                main = new Entry(method);
            } else if (isAgain(main, method)) {
                main.moveTo(method);
            }
        } else if (Entry.isEntry(method)) {
            Entry entry = entries.get(method.getName());
            if (entry == null && entries.size() < MOST_ENTRIES) {
                entries.put(method.getName(), new Entry(method));
            } else if (entry != null && isAgain(entry, method)) {
                entry.moveTo(method);
            }
        }
    }

    private static boolean isAgain(Entry entry, Method method) {
        return entry.method().toString().equals(method.toString());
    }
}
