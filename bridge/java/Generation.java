package srbridge;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.CodeSource;
import java.security.ProtectionDomain;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

/** The classes that one generation of a script is made of, and the class loaders over them. */
final class Generation {
    private final String path;
    private final Path directory;
    private final Set<String> known;
    private final Function<String, byte[]> late;
    private Map<String, byte[]> compiled = Map.of();
    private final Path beside;
    private Path place;
    private final List<Path> places = new ArrayList<>();
    private final Set<String> misses = new LinkedHashSet<>();
    private String packagePrefix = "";
    private boolean isLoading = true;
    private ClassLoader last;

    /**
     * @param path where the script really is
     * @param directory a new directory, for class files and jars
     * @param known the helpers that came, and those that do not exist
     * @param late asks for another helper while the script runs: its content, or null
     */
    Generation(String path, Path directory, Set<String> known, Function<String, byte[]> late) throws IOException {
        this.path = path;
        this.directory = directory;
        this.known = known;
        this.late = late;
        beside = directory.resolveSibling(directory.getFileName() + "-beside");
        place = Path.of(path);
        Files.createDirectories(directory);
        places.add(directory);
    }

    /**
     * Puts its data files where it finds them: as resources, and beside its classes.
     *
     * @throws InvalidScript they cannot be put there
     */
    void link(Map<String, Path> files) {
        if (files.isEmpty()) {
            return;
        }
        try {
            Mirror.link(directory, files);
            place = Mirror.make(beside, files, place);
        } catch (IOException | InvalidPathException error) { // a locale without UTF-8 has no paths beyond ASCII
            throw new InvalidScript(path + ": its files cannot be linked: " + error, error);
        }
    }

    /** The package of the script: its own directory is where classes of this package are. */
    void inPackage(String name) {
        packagePrefix = name.isEmpty() ? "" : name + ".";
    }

    /** Has what its source was compiled to. */
    void take(Compiled made) {
        inPackage(made.packageName);
        compiled = made.classes;
    }

    /** Adds a class file. */
    void addClass(String name, byte[] content) {
        write(directory.resolve(name.replace('.', '/') + ".class"), content);
    }

    /** Adds a jar. */
    void addJar(String name, byte[] content) {
        Path jar = directory.resolve(name);
        write(jar, content);
        places.add(jar);
    }

    /** Where classes are that need no compiler. */
    List<Path> places() {
        return places;
    }

    /** The file beside the script that would have this class. */
    String fileOf(String name) {
        String own = name.startsWith(packagePrefix) ? name.substring(packagePrefix.length()) : name;
        return own.replace('.', '/') + ".class";
    }

    /** Whether this class is neither here nor part of Java. */
    boolean isMissing(String name) {
        return last().getResource(name.replace('.', '/') + ".class") == null;
    }

    /** A new class loader: its classes have statics of their own. */
    ClassLoader load() {
        return last = new ScriptLoader();
    }

    /** Ends the load: the files that were missing while the script's top level ran. From now on they are asked for. */
    Set<String> loaded() {
        synchronized (misses) {
            isLoading = false;
            return misses;
        }
    }

    /** Removes what was written. */
    void remove() {
        for (Path each : List.of(directory, beside)) {
            try (Stream<Path> all = Files.walk(each)) {
                all.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
            } catch (NoSuchFileException error) {
                // The script has no data files.
            } catch (IOException | UncheckedIOException error) {
                System.err.println("bridge: " + each + " cannot be removed: " + error);
            }
        }
    }

    private ClassLoader last() {
        return last == null ? load() : last;
    }

    private static void write(Path file, byte[] content) {
        try {
            Files.createDirectories(file.getParent());
            Files.write(file, content);
        } catch (IOException error) {
            throw new InvalidScript(file + ": expected to write it there: " + error, error);
        }
    }

    private static URL url(Path place) {
        try {
            return place.toUri().toURL();
        } catch (IOException error) {
            throw new IllegalStateException(error); // every Java knows file:
        }
    }

    private final class ScriptLoader extends URLClassLoader {
        private final ProtectionDomain domain =
            new ProtectionDomain(new CodeSource(url(place), (Certificate[]) null), null);

        ScriptLoader() {
            super(places.stream().map(Generation::url).toArray(URL[]::new), Generation.class.getClassLoader());
        }

        @Override
        protected Class<?> findClass(String name) throws ClassNotFoundException {
            byte[] content = compiled.get(name);
            if (content != null) {
                return defineClass(name, content, 0, content.length, domain);
            }
            try {
                return super.findClass(name);
            } catch (ClassNotFoundException error) {
                content = missing(fileOf(name));
                if (content == null) {
                    throw error;
                }
                addClass(name, content);
                return super.findClass(name);
            }
        }

        private byte[] missing(String file) {
            if (known.contains(file) || !new JsonWriter().tryText(file)) { // what cannot be asked for is not there
                return null;
            }
            synchronized (misses) {
                if (isLoading) {
                    misses.add(file);
                    return null;
                }
            }
            return late.apply(file); // without the lock: who asks may have to wait for an exec that asks as well
        }
    }
}
