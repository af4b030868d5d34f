package srbridge;

import java.io.FileDescriptor;
import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.IntConsumer;

/**
 * What the Java library can do but does not offer: the manifest opens these packages to the bridge (Add-Opens). The
 * same in OpenJDK 17, 21 and 25.
 */
final class Native {
    private static final int POLLERR_OR_POLLHUP = 0x18;
    private static final int LAST_HOOK = 9; // java.lang.Shutdown, MAX_SYSTEM_HOOKS: after the script's own hooks

    // By handles, whose calls allocate nothing: they work when memory has run out.
    private static final MethodHandle POLL =
        handle(method("sun.nio.ch.Net", "poll", FileDescriptor.class, int.class, long.class));
    private static final MethodHandle KILL =
        handle(method("java.lang.ProcessHandleImpl", "destroy0", long.class, long.class, boolean.class));

    private static final boolean LEADS_GROUP = leadsGroup();

    private Native() {
    }

    /** An open descriptor by its number. */
    static FileDescriptor descriptor(int number) throws ReflectiveOperationException {
        Constructor<FileDescriptor> maker = FileDescriptor.class.getDeclaredConstructor(int.class);
        maker.setAccessible(true);
        return maker.newInstance(number);
    }

    /** Waits until the other end of a pipe is closed; false when that did not happen in time. */
    static boolean isHungUp(FileDescriptor pipe, int waitMs) {
        try {
            return ((int) POLL.invokeExact(pipe, 0, (long) waitMs) & POLLERR_OR_POLLHUP) != 0;
        } catch (Throwable error) { // invokeExact declares it
            return false;
        }
    }

    /** Ends this process and every child that scripts left behind. A worker lives as long as its wire. */
    static void endGroup() {
        if (LEADS_GROUP) {
            try {
                boolean unused = (boolean) KILL.invokeExact(0L, 0L, true); // kill(0, SIGKILL)
            } catch (Throwable error) { // invokeExact declares it
                System.err.println("bridge: " + error);
            }
        }
        Runtime.getRuntime().halt(0);
    }

    /**
     * Calls a hook with the code when the process ends by System.exit or Runtime.exit, on the thread that called it.
     * The library tells nobody this code, so it is read from the frame of java.lang.Shutdown.exit.
     */
    static void onExit(IntConsumer hook) {
        try {
            method("java.lang.Shutdown", "add", int.class, boolean.class, Runnable.class)
                .invoke(null, LAST_HOOK, false, (Runnable) () -> codeOfExit(hook));
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }

    private static void codeOfExit(IntConsumer hook) {
        try {
            StackWalker walker = (StackWalker) method("java.lang.LiveStackFrame", "getStackWalker").invoke(null);
            Method locals = method("java.lang.LiveStackFrame", "getLocals");
            Object[] frames = walker.walk(all -> all.dropWhile(frame -> !is(frame, "java.lang.Shutdown")).
                dropWhile(frame -> !frame.getMethodName().equals("exit")).limit(2).toArray());
            if (frames.length == 2 && is((StackWalker.StackFrame) frames[1], "java.lang.Runtime")) { // not by a signal
                Object code = ((Object[]) locals.invoke(frames[0]))[0];
                hook.accept((int) Long.parseLong(code.toString())); // the upper half of the slot says nothing
            }
        } catch (ReflectiveOperationException | RuntimeException error) {
            error.printStackTrace(); // then the runner sees a process that ended, with its status
        }
    }

    private static boolean is(StackWalker.StackFrame frame, String type) {
        return frame.getClassName().equals(type);
    }

    private static Method method(String type, String name, Class<?>... parameters) {
        try {
            Method method = Class.forName(type).getDeclaredMethod(name, parameters);
            method.setAccessible(true);
            return method;
        } catch (ReflectiveOperationException error) {
            throw new IllegalStateException(error);
        }
    }

    private static MethodHandle handle(Method method) {
        try {
            return MethodHandles.lookup().unreflect(method);
        } catch (IllegalAccessException error) {
            throw new IllegalStateException(error);
        }
    }

    private static boolean leadsGroup() {
        try {
            String stat = Files.readString(Path.of("/proc/self/stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" "); // state, ppid, pgrp: proc(5)
            return Long.parseLong(fields[2]) == ProcessHandle.current().pid();
        } catch (IOException error) {
            return false;
        }
    }
}
