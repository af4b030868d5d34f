package srbridge;

import SR.Host;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ImportTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.StandardLocation;
import javax.tools.ToolProvider;

/** Compiles a script's source in memory, together with the sources beside it that it needs. */
final class Compiler implements AutoCloseable {
    /** Attribute all classes though some cannot be resolved: so all that is missing is known at once. */
    private static final List<String> OPTIONS =
        List.of("-g", "-proc:none", "-implicit:none", "-Xlint:none", "-XDshould-stop.ifError=FLOW");

    // As in a source in C#: a line of its own, anywhere.
    private static final Pattern DIRECTIVE = Pattern.compile("(?m)^[ \\t]*//[ \\t]*app-mono:(.*)$");
    private static final Pattern REFERENCE = Pattern.compile("-r:(\\S+\\.jar)");
    private static final String FILE = "-file:"; // the runner's matter, as are errors in it

    private static final String NAME = "[\\p{javaJavaIdentifierStart}&&[^$]]\\p{javaJavaIdentifierPart}*";

    private final String path;
    private final DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    private final StandardJavaFileManager files;
    private final Map<String, ByteArrayOutputStream> made = new TreeMap<>();
    private final JavacTask task;
    private final Source source;
    private final List<CompilationUnitTree> units = new ArrayList<>();

    /**
     * Reads the sources.
     *
     * @param path where the script really is
     * @param sources the content of the script and of each helper, by the place where it really is; the script's first
     * @throws InvalidScript there is no compiler, or a source is not Java
     */
    Compiler(String path, Map<String, byte[]> sources) {
        this.path = path;
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        if (compiler == null) {
            throw new InvalidScript(path + ": this Java has no compiler; install a JDK, or use a .class or .jar", null);
        }
        files = compiler.getStandardFileManager(found, null, StandardCharsets.UTF_8);
        List<Source> all = new ArrayList<>();
        sources.forEach((place, content) -> all.add(new Source(place, new String(content, StandardCharsets.UTF_8))));
        source = all.get(0);
        task = (JavacTask) compiler.getTask(null, new Output(files), found, OPTIONS, null, all);
        try {
            task.parse().forEach(units::add);
        } catch (IOException error) {
            throw new InvalidScript(path + ": " + error, error);
        }
        requireNoError();
    }

    /**
     * The jars beside the script that its source names: {@code // app-mono: -r:lib/driver.jar}.
     *
     * @throws InvalidScript it asks for something else
     */
    Set<String> references() {
        Set<String> jars = new LinkedHashSet<>();
        for (Matcher line = DIRECTIVE.matcher(source.text); line.find();) {
            for (String word : line.group(1).trim().split("\\s+")) {
                if (word.startsWith(FILE)) {
                    continue;
                }
                Matcher reference = REFERENCE.matcher(word);
                if (!reference.matches() || !Build.isJarBeside(reference.group(1))) {
                    long row = source.text.substring(0, line.start(1)).lines().count();
                    throw new InvalidScript(path + ":" + row + ":1: app-mono: expected -r:NAME.jar or -file:NAME, but "
                        + word + " came", null);
                }
                jars.add(reference.group(1));
            }
        }
        return jars;
    }

    /**
     * Compiles what was read.
     *
     * @param beside where classes are that need no compiler
     * @param known the names of the helpers that came, and of those that do not exist
     * @return the files beside the script that may have what was not found; when there are some, nothing was made
     * @throws InvalidScript it does not compile
     */
    Set<String> compile(List<Path> beside, Set<String> known) throws IOException {
        List<File> places = new ArrayList<>();
        beside.forEach(place -> places.add(place.toFile()));
        places.add(placeOfSr());
        files.setLocation(StandardLocation.CLASS_PATH, places);
        files.setLocation(StandardLocation.SOURCE_PATH, List.of());
        task.generate();
        Set<String> needs = new LinkedHashSet<>();
        for (Diagnostic<? extends JavaFileObject> each : found.getDiagnostics()) {
            if (each.getKind() == Diagnostic.Kind.ERROR && each.getSource() instanceof Source) {
                addNeeds(each, (Source) each.getSource(), needs);
            }
        }
        needs.removeAll(known);
        if (needs.isEmpty()) {
            requireNoError();
        }
        return needs;
    }

    /**
     * What was made.
     *
     * @throws InvalidScript there is no class in the script
     */
    Compiled compiled() {
        Map<String, byte[]> classes = new TreeMap<>();
        made.forEach((name, content) -> classes.put(name, content.toByteArray()));
        return new Compiled(packageName(), types(), methods(), classes);
    }

    @Override
    public void close() throws IOException {
        files.close();
    }

    private String packageName() {
        return packageOf(script());
    }

    private List<String> types() {
        List<String> types = new ArrayList<>();
        String prefix = packageName().isEmpty() ? "" : packageName() + ".";
        for (Tree each : script().getTypeDecls()) {
            if (each instanceof ClassTree) {
                String name = ((ClassTree) each).getSimpleName().toString();
                types.add(path.endsWith("/" + name + ".java") ? 0 : types.size(), prefix + name);
            }
        }
        if (types.isEmpty()) {
            throw new InvalidScript(path + ": expected a class, found none", null);
        }
        return types;
    }

    private List<String> methods() {
        List<String> methods = new ArrayList<>();
        for (Tree each : script().getTypeDecls()) {
            List<? extends Tree> members = each instanceof ClassTree ? ((ClassTree) each).getMembers() : List.of();
            for (Tree member : members) {
                if (member instanceof MethodTree) {
                    methods.add(((MethodTree) member).getName().toString());
                }
            }
        }
        return methods;
    }

    private CompilationUnitTree script() {
        return units.get(0);
    }

    private static String packageOf(CompilationUnitTree unit) {
        return unit.getPackageName() == null ? "" : unit.getPackageName().toString();
    }

    /** The files that may have the class or package that was not found. */
    private void addNeeds(Diagnostic<? extends JavaFileObject> error, Source source, Set<String> needs) {
        String code = error.getCode();
        boolean isName = code.equals("compiler.err.cant.resolve") || code.equals("compiler.err.cant.resolve.location")
            || code.equals("compiler.err.doesnt.exist");
        if (!isName || error.getStartPosition() < 0) {
            return;
        }
        String name = source.text.substring((int) error.getStartPosition(), (int) error.getEndPosition());
        if (!name.matches(NAME + "(\\." + NAME + ")*")) {
            return;
        }
        for (CompilationUnitTree unit : units) {
            if (unit.getSourceFile() == error.getSource() || unit.getSourceFile().getName().equals(source.getName())) {
                addNeeds(name, unit, needs);
            }
        }
    }

    private void addNeeds(String name, CompilationUnitTree unit, Set<String> needs) {
        List<String> classes = new ArrayList<>();
        if (name.indexOf('.') >= 0) {
            classes.add(name);
        } else {
            classes.add((packageOf(unit).isEmpty() ? "" : packageOf(unit) + ".") + name);
            for (ImportTree each : unit.getImports()) {
                String imported = each.getQualifiedIdentifier().toString();
                if (imported.endsWith(".*") && !each.isStatic()) {
                    classes.add(imported.substring(0, imported.length() - 1) + name);
                }
            }
        }
        String own = packageName().isEmpty() ? "" : packageName() + ".";
        for (String each : classes) {
            String file = (each.startsWith(own) ? each.substring(own.length()) : each).replace('.', '/');
            needs.add(file + ".java");
            needs.add(file + ".class");
        }
    }

    private void requireNoError() {
        List<String> errors = new ArrayList<>();
        for (Diagnostic<? extends JavaFileObject> each : found.getDiagnostics()) {
            if (each.getKind() == Diagnostic.Kind.ERROR) {
                String place = each.getSource() instanceof Source ? ((Source) each.getSource()).place
                    + ":" + each.getLineNumber() + ":" + each.getColumnNumber() : path;
                errors.add(place + ": " + each.getMessage(null).replaceAll("\\s*\n\\s*", ", "));
            }
        }
        if (!errors.isEmpty()) {
            throw new InvalidScript(String.join("\n", errors), null);
        }
    }

    private static File placeOfSr() {
        try {
            return new File(Host.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        } catch (URISyntaxException error) {
            throw new IllegalStateException(error);
        }
    }

    private static URI uri(String place) {
        return new File(place).toURI();
    }

    private static final class Source extends SimpleJavaFileObject {
        final String place;
        final String text;

        Source(String place, String text) {
            super(uri(place), Kind.SOURCE);
            this.place = place;
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }

        @Override
        public boolean isNameCompatible(String simpleName, Kind kind) {
            return true; // a public class may have another name than the file, as with "java FILE"
        }
    }

    private final class Output extends ForwardingJavaFileManager<StandardJavaFileManager> {
        Output(StandardJavaFileManager manager) {
            super(manager);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                JavaFileManager.Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
            return new SimpleJavaFileObject(uri(name), kind) {
                @Override
                public OutputStream openOutputStream() {
                    ByteArrayOutputStream content = new ByteArrayOutputStream();
                    made.put(name, content);
                    return content;
                }
            };
        }
    }
}
