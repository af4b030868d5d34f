package srbridge;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarInputStream;
import java.util.jar.Manifest;

/** The files that one build of a script is made of, as a load names them (docs/protocol.md). */
final class Build {
    /** Where the script really is. */
    final String path;

    /** The helpers by their names; null for one that does not exist. */
    final Map<String, Object> helpers;

    /** Where the copies of its data files are, by their names. */
    final Map<String, Path> files = new LinkedHashMap<>();

    /** What is loaded: of a source in a worker, what it was compiled to. */
    final byte[] content;

    private final String name;
    private final Copies copies;

    /**
     * Reads the script.
     *
     * @param wanted the parameters of {@code load}
     * @throws InvalidScript there is no such copy, or it was changed
     */
    Build(Map<String, Object> wanted, Copies copies) {
        this.copies = copies;
        path = (String) wanted.get("path");
        name = path.substring(path.lastIndexOf('/') + 1);
        helpers = ExecRequest.asMap(wanted.get("helpers"));
        content = copies.read((String) wanted.get("file"), path);
        Map<String, Object> hashes = ExecRequest.asMap(wanted.get("files"));
        if (hashes != null) {
            hashes.forEach((each, hash) -> files.put(each, copies.place((String) hash, path)));
        }
    }

    /** Whether the script is one that is compiled. */
    boolean isSource() {
        return isSource(name);
    }

    /** The content of the helpers that are sources, by the place where each really is. */
    Map<String, byte[]> sources() {
        return helpers(true);
    }

    /**
     * Puts class files and jars where a class loader and the compiler find them.
     *
     * @param needs takes the files that these refer to
     * @return the name of the script's main class; null when it is a source
     * @throws InvalidScript there is no such copy, or it is no class and no jar
     */
    String arrange(Generation generation, Set<String> needs) throws IOException {
        Map<String, byte[]> files = helpers(false);
        if (!isSource()) {
            files.put(name, content);
        }
        String main = null;
        Set<String> others = new LinkedHashSet<>();
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
            if (!isSource() && generation.isMissing(other)) {
                needs.add(generation.fileOf(other));
            }
        }
        if (!isSource() && main == null) {
            boolean isJar = name.toLowerCase(Locale.ROOT).endsWith(".jar");
            throw new InvalidScript(path + (isJar ? ": expected Main-Class in the manifest of the jar"
                : ": expected a .java, .class or .jar file"), null);
        }
        return main;
    }

    /** Whether a jar of this name is at or below the script's directory. */
    static boolean isJarBeside(String name) {
        return name.endsWith(".jar") && !name.contains(":") && !("/" + name + "/").matches(".*/(\\.|\\.\\.|)/.*");
    }

    /** The content of the helpers that are sources, by their places, or of the others, by their names. */
    private Map<String, byte[]> helpers(boolean areSources) {
        Map<String, byte[]> found = new LinkedHashMap<>();
        for (Map.Entry<String, Object> each : helpers.entrySet()) {
            Map<String, Object> helper = ExecRequest.asMap(each.getValue());
            if (helper != null && isSource(each.getKey()) == areSources) {
                String place = (String) helper.get("path");
                found.put(areSources ? place : each.getKey(), copies.read((String) helper.get("file"), place));
            }
        }
        return found;
    }

    private static boolean isSource(String name) {
        return name.toLowerCase(Locale.ROOT).endsWith(".java");
    }

    private static Attributes manifestOf(byte[] jar) throws IOException {
        try (JarInputStream in = new JarInputStream(new ByteArrayInputStream(jar))) {
            Manifest manifest = in.getManifest();
            return manifest == null ? new Attributes() : manifest.getMainAttributes();
        }
    }
}
