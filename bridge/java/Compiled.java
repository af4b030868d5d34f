package srbridge;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.jar.Attributes;
import java.util.jar.JarInputStream;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;

/** What a source was compiled to: a jar that its manifest says more of. The compiler writes it, workers read it. */
final class Compiled {
    private static final Attributes.Name PACKAGE = new Attributes.Name("Script-Package");
    private static final Attributes.Name TYPES = new Attributes.Name("Script-Types");
    private static final Attributes.Name METHODS = new Attributes.Name("Script-Methods");
    private static final String SUFFIX = ".class";

    /** The package of the script; empty for none. */
    final String packageName;

    /** The names of the classes in the script's own file: first the one that is named as the file. */
    final List<String> types;

    /** The names of the methods in the script's own file, as they come there. */
    final List<String> methods;

    /** The content of all classes, by their names. */
    final Map<String, byte[]> classes;

    Compiled(String packageName, List<String> types, List<String> methods, Map<String, byte[]> classes) {
        this.packageName = packageName;
        this.types = types;
        this.methods = methods;
        this.classes = classes;
    }

    /**
     * Reads a jar; {@code path} is for the error.
     *
     * @throws InvalidScript it is none that {@code asJar} wrote
     */
    static Compiled of(byte[] jar, String path) throws IOException {
        Map<String, byte[]> classes = new TreeMap<>();
        try (JarInputStream in = new JarInputStream(new ByteArrayInputStream(jar))) {
            Attributes told = in.getManifest() == null ? new Attributes() : in.getManifest().getMainAttributes();
            if (told.getValue(TYPES) == null) {
                throw new InvalidScript(path + ": expected what the source was compiled to, not the source", null);
            }
            for (ZipEntry each = in.getNextEntry(); each != null; each = in.getNextEntry()) {
                String name = each.getName();
                classes.put(name.substring(0, name.length() - SUFFIX.length()).replace('/', '.'), in.readAllBytes());
            }
            return new Compiled(told.getValue(PACKAGE), words(told.getValue(TYPES)), words(told.getValue(METHODS)),
                classes);
        }
    }

    /** The jar. */
    byte[] asJar() throws IOException {
        Manifest manifest = new Manifest();
        Attributes said = manifest.getMainAttributes();
        said.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        said.put(PACKAGE, packageName);
        said.put(TYPES, String.join(" ", types));
        said.put(METHODS, String.join(" ", methods));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JarOutputStream out = new JarOutputStream(bytes, manifest)) {
            for (Map.Entry<String, byte[]> each : classes.entrySet()) {
                out.putNextEntry(new ZipEntry(each.getKey().replace('.', '/') + SUFFIX));
                out.write(each.getValue());
            }
        }
        return bytes.toByteArray();
    }

    private static List<String> words(String text) {
        return text.isEmpty() ? List.of() : List.of(text.split(" "));
    }
}
