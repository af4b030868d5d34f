package srbridge;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The Java side of a worker: warms up, says ready, then loads and runs scripts, one at a time. docs/protocol.md has the
 * wire, which is descriptor 3 (reads) and 4 (writes).
 *
 * <p>The wire: Wire (reads), Outbox (writes), Watch (hang-up), Replies, JsonReader, JsonWriter. A load: Loader, Build,
 * Copies, Generation (class loaders), Compiled, ClassNames, Script, Entry. An exec: ExecRequest, Exec and Plan (what
 * came ahead), Calls, Questions, Callers, Exit, Thrown. The start: WarmUp. Below: Native. In a process of their own:
 * CompileWorker, Compiler.
 */
public final class Bridge {
    private static final int READS = 3;
    private static final int WRITES = 4;

    private final Wire wire;
    private final Replies replies;
    private final Callers callers = new Callers();
    private final Calls calls;
    private final Loader loader;
    private final boolean retires;

    Bridge(InputStream in, Outbox outbox, Watch watch, boolean retires, Path copies, Path builds) {
        wire = new Wire(in, outbox.maxLineBytes);
        calls = new Calls(wire, outbox, callers, watch, this::exec);
        replies = new Replies(outbox, calls);
        loader = new Loader(new Copies(copies), builds, calls::find);
        this.retires = retires;
    }

    /** Arguments: MAX_LINE_BYTES, {@code retire} or {@code keep}, the directory of copies, a private directory. */
    public static void main(String[] arguments) throws ReflectiveOperationException {
        int maxLineBytes = Integer.parseInt(arguments[0]);
        FileDescriptor reads = Native.descriptor(READS);
        Outbox outbox = new Outbox(new FileOutputStream(Native.descriptor(WRITES)), maxLineBytes);
        Watch watch = new Watch(reads, outbox);
        Bridge bridge = new Bridge(new FileInputStream(reads), outbox, watch, arguments[1].equals("retire"),
            Path.of(arguments[2]), Path.of(arguments[3]));
        Native.onExit(bridge.calls::exiting);
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> {
            if (!(error instanceof Exit)) {
                System.err.print("Exception in thread \"" + thread.getName() + "\" ");
                error.printStackTrace();
            }
        });
        WarmUp.run(maxLineBytes);
        watch.start();
        bridge.callers.keepThreads();
        bridge.replies.ready();
        try {
            bridge.serve();
        } catch (Throwable error) { // for example no memory for a script that is loaded
            System.err.println("bridge: " + error);
        } finally { // a thread of a script would keep the process
            Native.endGroup();
        }
    }

    /** Has a script that no load names: the warm-up. */
    void keep(String generation, Script script) {
        loader.keep(generation, script);
    }

    /** Answers requests until the wire ends. */
    void serve() {
        calls.use();
        try {
            while (wire.next()) {
                ExecRequest request = ExecRequest.common(wire.line);
                if (request != null) {
                    exec(request);
                } else {
                    answer(ExecRequest.asMap(wire.line.whole()));
                }
            }
        } catch (IllegalArgumentException | ClassCastException | NullPointerException error) {
            // The line is not a request, so the two sides no longer agree on the protocol.
            System.err.println("bridge: expected a load or exec request: " + error.getMessage());
        }
    }

    private void answer(Map<String, Object> request) {
        long id = (Long) request.get("id");
        String method = (String) request.get("method");
        Map<String, Object> params = ExecRequest.asMap(request.get("params"));
        if (method.equals("exec")) {
            exec(ExecRequest.of(id, params));
        } else if (method.equals("load")) {
            load(id, params);
        } else {
            replies.error(id, Replies.INVALID_REQUEST, "expected load or exec, not " + method, null, null);
        }
    }

    private void load(long id, Map<String, Object> wanted) {
        Standard standard = new Standard();
        Set<String> needs;
        calls.loads(id);
        try {
            needs = loader.load(wanted);
        } catch (InvalidScript error) {
            replies.error(id, Replies.SCRIPT_CANNOT_RUN, error.getMessage(), error.getCause(), null);
            return;
        } catch (IOException error) {
            replies.error(id, Replies.SCRIPT_CANNOT_RUN, wanted.get("path") + ": " + error, error, null);
            return;
        } finally {
            calls.loads(0);
            standard.restore();
            callers.keepThreads();
        }
        Script script = needs.isEmpty() ? loader.find((String) wanted.get("generation")) : null;
        replies.loaded(id, needs, script == null ? null : script.entries());
    }

    private void exec(ExecRequest wanted) {
        Script script = loader.find(wanted.generation);
        if (script == null) {
            String message = "expected a generation that is loaded, not " + wanted.generation;
            replies.error(wanted.id, Replies.SCRIPT_CANNOT_RUN, message, null, null);
            return;
        }
        Entry entry = script.find(wanted.entry);
        if (entry == null) {
            String message = "expected an entry of " + script.path + ", not "
                + (wanted.entry == null ? "main" : wanted.entry);
            replies.error(wanted.id, Replies.NO_SUCH_ENTRY, message, null, null);
            return;
        }
        long came = wire.came;
        if (wanted.plan != null) {
            entry.plan = new Plan(wanted.plan);
        }
        Exec exec = new Exec(wanted, entry.plan, callers.running());
        Standard standard = new Standard();
        Throwable thrown = null;
        int code = 0;
        long began = 0;
        try {
            if (wanted.isFresh) {
                script.refresh();
            }
            standard.thread.setContextClassLoader(script.loader);
            calls.starts(exec, came);
            began = System.nanoTime();
            code = entry.run(wanted.param);
        } catch (Throwable error) { // whatever the script threw
            thrown = error;
        }
        long ended = System.nanoTime();
        if (began == 0) { // its static initialisers threw again
            standard.restore();
            replies.error(wanted.id, Replies.SCRIPT_CANNOT_RUN, Thrown.message(thrown), thrown.getCause(), null);
            return;
        }
        calls.ends(exec);
        standard.restore();
        String worn = Thrown.isOutOfMemory(thrown) ? "memory"
            : retires && exec.outer == null && callers.hasLeft(exec) ? "threads" : null;
        if (thrown == null || exec.hasExited) {
            long[] spent = wanted.isProfiled ? new long[] {began - came, ended - began - exec.waited} : null;
            replies.returned(exec, exec.hasExited ? 0 : code, worn, spent);
        } else {
            replies.threw(exec, thrown, worn);
        }
    }

    /** What a script can change of the process and of its thread, to restore it. */
    private static final class Standard {
        final Thread thread = Thread.currentThread();
        private final ClassLoader loader = thread.getContextClassLoader();
        private final InputStream in = System.in;
        private final PrintStream out = System.out;
        private final PrintStream err = System.err;
        private final Locale locale = Locale.getDefault();

        void restore() {
            thread.setContextClassLoader(loader);
            Thread.interrupted();
            if (System.in != in) {
                System.setIn(in);
            }
            if (System.out != out) {
                System.setOut(out);
            }
            if (System.err != err) {
                System.setErr(err);
            }
            if (Locale.getDefault() != locale) {
                Locale.setDefault(locale);
            }
        }
    }
}
