package srbridge;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.jar.Attributes;
import java.util.jar.JarInputStream;
import java.util.jar.Manifest;

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
        String path = (String) wanted.get("path");
        String name = path.substring(path.lastIndexOf('/') + 1);
        Map<String, Object> helpers = ExecRequest.asMap(wanted.get("helpers"));
        Map<String, byte[]> files = new LinkedHashMap<>();
        Map<String, byte[]> sources = new LinkedHashMap<>();
        byte[] content = copies.read((String) wanted.get("file"), path);
        (isSource(name) ? sources : files).put(isSource(name) ? path : name, content);
        for (Map.Entry<String, Object> each : helpers.entrySet()) {
            Map<String, Object> helper = ExecRequest.asMap(each.getValue());
            if (helper != null) {
                String place = (String) helper.get("path");
                boolean isSource = isSource(each.getKey());
                byte[] copy = copies.read((String) helper.get("file"), place);
                (isSource ? sources : files).put(isSource ? place : each.getKey(), copy);
            }
        }
        Generation generation =
            new Generation(path, builds.resolve("generation-" + ++loads), helpers.keySet(), this::late);
        Script script = null;
        Set<String> needs = new LinkedHashSet<>();
        try {
            Compiler compiler = isSource(name) ? new Compiler(path, sources) : null;
            if (compiler != null) {
                for (String jar : compiler.references()) {
                    needs.add(jar);
                    if (helpers.containsKey(jar) && helpers.get(jar) == null) {
                        throw new InvalidScript(path + ": there is no " + jar + " beside it", null);
                    }
                }
            }
            String main = arrange(generation, path, files, compiler, needs);
            needs.removeAll(helpers.keySet());
            if (needs.isEmpty() && compiler != null) {
                needs.addAll(compiler.compile(generation, helpers.keySet()));
            }
            if (needs.isEmpty()) {
                script = compiler == null ? new Script(path, List.of(main), List.of(), generation)
                    : new Script(path, compiler.types(), compiler.methods(), generation);
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

    /**
     * Puts class files and jars where the class loader and the compiler find them.
     *
     * @param needs takes the files that these refer to
     * @return the name of the script's main class; null when it is a source
     */
    private static String arrange(Generation generation, String path, Map<String, byte[]> files, Compiler compiler,
            Set<String> needs) throws IOException {
        String name = path.substring(path.lastIndexOf('/') + 1);
        String main = null;
        Set<String> others = new LinkedHashSet<>();
        if (compiler != null) {
            generation.inPackage(compiler.packageName());
        }
        for (Map.Entry<String, byte[]> each : files.entrySet()) {
            String kind = each.getKey().toLowerCase(Locale.ROOT);
            if (kind.endsWith(".class")) {
                ClassNames names = ClassNames.of(each.getValue(), each.getKey().equals(name) ? path : each.getKey());
                if (each.getKey().equals(name)) {
                    main = names.own();
                    generation.inPackage(names.packageName());
                }
                generation.addClass(names.own(), each.getValue());
                others.addAll(names.others());
            } else if (kind.endsWith(".jar")) {
                generation.addJar(each.getKey(), each.getValue());
                Attributes manifest = manifestOf(each.getValue());
                main = each.getKey().equals(name) ? manifest.getValue(Attributes.Name.MAIN_CLASS) : main;
                String more = manifest.getValue(Attributes.Name.CLASS_PATH);
                for (String jar : more == null ? new String[0] : more.trim().split("\\s+")) {
                    if (isJarBeside(jar)) {
                        needs.add(jar);
                    }
                }
            }
        }
        for (String other : others) {
            if (compiler == null && generation.isMissing(other)) {
                needs.add(generation.fileOf(other));
            }
        }
        if (compiler == null && main == null) {
            boolean isJar = name.toLowerCase(Locale.ROOT).endsWith(".jar");
            throw new InvalidScript(path + (isJar ? ": expected Main-Class in the manifest of the jar"
                : ": expected a .java, .class or .jar file"), null);
        }
        return main;
    }

    /** A file beside the script that it asks for while it runs; null when there is none. */
    private byte[] late(String name) {
        String hash = ask.apply(name);
        return hash == null ? null : copies.read(hash, name);
    }

    private static boolean isSource(String name) {
        return name.toLowerCase(Locale.ROOT).endsWith(".java");
    }

    /** Whether a jar of this name is at or below the script's directory. */
    static boolean isJarBeside(String name) {
        return name.endsWith(".jar") && !name.contains(":") && !("/" + name + "/").matches(".*/(\\.|\\.\\.|)/.*");
    }

    private static Attributes manifestOf(byte[] jar) throws IOException {
        try (JarInputStream in = new JarInputStream(new ByteArrayInputStream(jar))) {
            Manifest manifest = in.getManifest();
            return manifest == null ? new Attributes() : manifest.getMainAttributes();
        }
    }
}
