package srbridge;

import java.io.FileDescriptor;
import java.util.concurrent.locks.Condition;

/**
 * A thread that ends the process when the runner hangs up, also while a script loops, and lets no message wait in the
 * outbox for longer than 10 ms. After a second without an exec it sleeps: then the main thread sees the hang-up.
 */
final class Watch implements Runnable {
    private static final int QUIET_TICKS = 100;

    private final FileDescriptor reads;
    private final Outbox outbox;
    private final Condition wake;
    private boolean isRunning;
    private boolean sleeps;
    private int quietTicks;

    Watch(FileDescriptor reads, Outbox outbox) {
        this.reads = reads;
        this.outbox = outbox;
        wake = outbox.gate.newCondition();
    }

    void start() {
        Thread thread = new Thread(this, "bridge watch");
        thread.setDaemon(true);
        thread.start();
    }

    /** An exec starts. Call under the gate. */
    void execStarts() {
        isRunning = true;
        if (sleeps) {
            sleeps = false;
            wake.signal();
        }
    }

    /** No exec runs any more. Call under the gate. */
    void execEnded() {
        isRunning = false;
        quietTicks = 0;
    }

    @Override
    public void run() {
        while (true) {
            if (Native.isHungUp(reads, Outbox.HOLD_MS)) {
                Native.endGroup();
            }
            try {
                look();
            } catch (OutOfMemoryError error) {
                continue; // of the script; the next look may have some again, and the hang-up needs none
            }
        }
    }

    private void look() {
        if (!outbox.gate.tryLock()) {
            return;
        }
        try {
            outbox.sendOverdue();
            sleeps = !isRunning && outbox.isEmpty() && ++quietTicks > QUIET_TICKS;
            while (sleeps) {
                wake.awaitUninterruptibly();
            }
        } finally {
            outbox.gate.unlock();
        }
    }
}
