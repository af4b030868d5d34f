// The first exec leaves a thread, which makes calls during the second one, to which it does not belong.
import SR.Core;
import SR.PV;
import java.util.concurrent.SynchronousQueue;

class CallsLate {
    private static final SynchronousQueue<String> ASK = new SynchronousQueue<>();
    private static final SynchronousQueue<String> ANSWER = new SynchronousQueue<>();
    private static Thread old;

    private static void answer() {
        try {
            ASK.take();
            Core.log(1, "from an old thread");
            ANSWER.put(PV.get("$rm") + PV.setS("$var(old)", "x") + PV.isNull("$rm"));
        } catch (InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    public static int main(String[] args) throws InterruptedException {
        if (old == null) {
            old = new Thread(CallsLate::answer);
            old.setDaemon(true);
            old.start();
            return 0;
        }
        ASK.put("");
        PV.setS("$var(answer)", ANSWER.take());
        return 1;
    }
}
