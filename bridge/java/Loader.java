package srbridge;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/** Loads generations of scripts and their helpers from the runner's copies. */
final class Loader {
    private final Copies copies;
    private final Path builds;
    private final Function<String, String> ask;
    private final Map<String, Script> scripts = new HashMap<>();
    private final Map<String, String> generationOf = new HashMap<>();
    private long loads;

    /**
     * @param builds a private directory for jars and class files
     * @param ask asks the runner for a file beside the running script: the hash of its copy, or null
     */
    Loader(Copies copies, Path builds, Function<String, String> ask) {
        this.copies = copies;
        this.builds = builds;
        this.ask = ask;
    }

    /** The script of a generation; null when it was not loaded or has been replaced. */
    Script find(String generation) {
        return scripts.get(generation);
    }

    /** Keeps a script, in place of the one that was loaded for its path before. */
    void keep(String generation, Script script) {
        drop(script.path);
        generationOf.put(script.path, generation);
        scripts.put(generation, script);
    }

    /** Forgets the script that was loaded for a path. */
    void drop(String path) {
        String generation = generationOf.remove(path);
        if (generation != null) {
            scripts.remove(generation).forget();
        }
    }

    /**
     * Loads one generation.
     *
     * @param wanted the parameters of {@code load}, see docs/protocol.md
     * @return the names of files that it needs and that did not come; empty when it is loaded
     * @throws InvalidScript it cannot run
     */
    Set<String> load(Map<String, Object> wanted) throws IOException {
        Build build = new Build(wanted, copies);
        Compiled compiled = build.isSource() ? Compiled.of(build.content, build.path) : null;
        Set<String> known = build.helpers.keySet();
        Generation generation =
            new Generation(build.path, builds.resolve("generation-" + ++loads), known, this::late);
        Script script = null;
        Set<String> needs = new LinkedHashSet<>();
        try {
            if (compiled != null) {
                generation.take(compiled);
            }
            String main = build.arrange(generation, needs);
            generation.link(build.files);
            needs.removeAll(known);
            if (needs.isEmpty()) {
                script = compiled == null ? new Script(build.path, List.of(main), List.of(), generation)
                    : new Script(build.path, compiled.types, compiled.methods, generation);
                needs.addAll(generation.loaded());
            }
        } catch (InvalidScript error) {
            needs.clear();
            needs.addAll(generation.loaded());
            if (needs.isEmpty()) {
                throw error;
            }
        } finally {
            if (script == null || !needs.isEmpty()) {
                generation.remove();
            }
        }
        if (needs.isEmpty()) {
            keep((String) wanted.get("generation"), script);
        }
        return needs;
    }

    /** A file beside the script that it asks for while it runs; null when there is none. */
    private byte[] late(String name) {
        String hash = ask.apply(name);
        return hash == null ? null : copies.read(hash, name);
    }
}
