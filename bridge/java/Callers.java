package srbridge;

import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinWorkerThread;

/**
 * Knows which threads may call now: the one that runs the exec, and those that were begun by it or by one of them. What
 * changes here changes under both locks of {@link Calls}, so either is enough to look.
 */
final class Callers {
    private static final int LOOKS = 3;

    /** A new thread inherits the exec of the thread that makes it. */
    private final InheritableThreadLocal<Exec> ofThread = new InheritableThreadLocal<>() {
        @Override
        protected Exec childValue(Exec exec) {
            if (exec != null) {
                exec.hasThreads = true;
            }
            return exec;
        }
    };

    private final ThreadGroup group = Thread.currentThread().getThreadGroup();
    private volatile Exec running;

    private Thread[] kept = threads();

    // Threads of the common pool live longer than an exec. They belong to the running one when all was done before it.
    private boolean isPoolFree;

    /** The innermost exec that runs; null between execs. */
    Exec running() {
        return running;
    }

    /** The exec to which this thread belongs, which runs or waits for one within it; null for none. */
    Exec mine() {
        Exec own = ofThread.get();
        for (Exec exec = running; exec != null; exec = exec.outer) {
            if (exec == own) {
                return exec;
            }
        }
        return running != null && isPoolFree && isOfPool(Thread.currentThread()) ? running : null;
    }

    void starts(Exec exec) {
        if (exec.outer == null) {
            isPoolFree = !isPoolBusy();
        }
        ofThread.set(exec);
        running = exec;
    }

    void ends(Exec exec) {
        if (exec.outer != null) {
            exec.outer.hasThreads |= exec.hasThreads;
        }
        ofThread.set(exec.outer);
        running = exec.outer;
    }

    /**
     * Whether threads that the exec began still run, or tasks in the common pool. Looks up to three times, a
     * millisecond apart, because a thread may be about to end.
     */
    boolean hasLeft(Exec exec) {
        for (int look = 1; exec.hasThreads && seesOne() || isPoolBusy(); look++) {
            if (look == LOOKS) {
                return true;
            }
            try {
                Thread.sleep(1);
            } catch (InterruptedException error) {
                continue; // the script has interrupted this thread
            }
        }
        return false;
    }

    /** Threads that run now are none that an exec leaves: those of the bridge, and of the top level of a script. */
    void keepThreads() {
        kept = threads();
    }

    private boolean seesOne() {
        for (Thread thread : threads()) {
            if (thread != null && !isKept(thread) && !isOfPool(thread)) {
                return true;
            }
        }
        return false;
    }

    private boolean isKept(Thread thread) {
        for (Thread one : kept) {
            if (one == thread) {
                return true;
            }
        }
        return false;
    }

    private Thread[] threads() {
        Thread[] all = new Thread[0];
        for (int room = 16; all.length == 0 || all[all.length - 1] != null; room *= 2) {
            all = new Thread[room];
            group.enumerate(all);
        }
        return all;
    }

    private static boolean isPoolBusy() {
        ForkJoinPool pool = ForkJoinPool.commonPool();
        return pool.getPoolSize() > 0 && !pool.isQuiescent();
    }

    private static boolean isOfPool(Thread thread) {
        return thread instanceof ForkJoinWorkerThread
            && ((ForkJoinWorkerThread) thread).getPool() == ForkJoinPool.commonPool();
    }
}
