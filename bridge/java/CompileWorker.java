package srbridge;

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.SynchronousQueue;

/**
 * The process that compiles sources and never runs a script: a line of JSON on standard input is one source, a line on
 * standard output what became of it. It ends when its standard input does, also in the middle of a source.
 *
 * <p>In: {@code {"language": "java", "arguments": [DIRECTORY, COPIES]}}: a directory with the parameters of a load
 * (docs/protocol.md) in the file {@code load}, and that of the copies. Out: {@code {"ok": true, "lines": []}}. Where
 * that is true the lines are the files that the source needs and that did not come, and without any there is
 * {@code classes.jar} in the directory; else they say what is wrong. bridge/compilers/CompileWorker.cs is the same for
 * other languages.
 */
final class CompileWorker {
    private static final int MOST_LINES = 200;

    private CompileWorker() {
    }

    /** Compiles until standard input ends. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        OutputStream output = new FileOutputStream(FileDescriptor.out);
        System.setOut(System.err);
        SynchronousQueue<String> requests = new SynchronousQueue<>();
        Thread reader = new Thread(() -> read(requests), "reader");
        reader.setDaemon(true);
        reader.start();
        while (true) {
            answer(requests.take(), output);
        }
    }

    private static void read(SynchronousQueue<String> requests) {
        try {
            BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                requests.put(line);
            }
        } catch (IOException | InterruptedException error) {
            System.err.println("compiler: " + error);
        }
        Runtime.getRuntime().halt(0);
    }

    private static void answer(String line, OutputStream output) throws IOException {
        byte[] request = line.getBytes(StandardCharsets.US_ASCII);
        List<Object> arguments = ExecRequest.asList(json(request).get("arguments"));
        Path directory = Path.of((String) arguments.get(0));
        Build build = null;
        Set<String> needs = Set.of();
        String wrong = null;
        boolean isExhausted = false;
        try {
            Copies copies = new Copies(Path.of((String) arguments.get(1)));
            build = new Build(json(Files.readAllBytes(directory.resolve("load"))), copies);
            needs = compile(build, directory);
        } catch (InvalidScript error) {
            wrong = error.getMessage();
        } catch (Throwable error) { // the compiler has faults, too: for example a stack that is not deep enough
            error.printStackTrace();
            wrong = (build == null ? "" : build.path + ": ") + "the compiler failed: " + error;
            isExhausted = error instanceof OutOfMemoryError;
        }
        List<String> lines = wrong == null ? new ArrayList<>(needs) : List.of(wrong.split("\n"));
        JsonWriter said = new JsonWriter().raw("{\"ok\":").raw(wrong == null ? "true" : "false").raw(",\"lines\":[");
        for (String each : lines.subList(0, Math.min(lines.size(), MOST_LINES))) {
            said.raw(said.bytes[said.length - 1] == '[' ? "" : ",").text(each);
        }
        said.raw("]}\n");
        output.write(said.bytes, 0, said.length);
        if (isExhausted) {
            Runtime.getRuntime().halt(1); // the next source gets a process with memory
        }
    }

    /** Compiles a source; the files that it needs and that did not come, or else the jar is written. */
    private static Set<String> compile(Build build, Path directory) throws IOException {
        Map<String, byte[]> sources = new LinkedHashMap<>();
        sources.put(build.path, build.content);
        sources.putAll(build.sources());
        Set<String> needs = new LinkedHashSet<>();
        Set<String> known = build.helpers.keySet();
        Generation generation = new Generation(build.path, directory.resolve("beside"), known, name -> null);
        try (Compiler compiler = new Compiler(build.path, sources)) {
            for (String jar : compiler.references()) {
                needs.add(jar);
                if (known.contains(jar) && build.helpers.get(jar) == null) {
                    throw new InvalidScript(build.path + ": there is no " + jar + " beside it", null);
                }
            }
            build.arrange(generation, needs);
            needs.removeAll(known);
            if (needs.isEmpty()) {
                needs.addAll(compiler.compile(generation.places(), known));
            }
            if (needs.isEmpty()) {
                Files.write(directory.resolve("classes.jar"), compiler.compiled().asJar());
            }
        }
        return needs;
    }

    private static Map<String, Object> json(byte[] text) {
        JsonReader reader = new JsonReader();
        reader.open(text, 0, text.length);
        return ExecRequest.asMap(reader.whole());
    }
}
