package srbridge;

import SR.Core;
import SR.HDR;
import SR.PV;
import java.io.ByteArrayInputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * Runs execs over a private wire before the worker says ready, so that the first real one does not pay for loading the
 * classes of the bridge and compiling what is hot in it. The script that runs is this class.
 */
public final class WarmUp {
    // After 200 calls a method is compiled (-XX:Tier3InvocationThreshold). The rounds take 60 ms.
    private static final int ROUNDS = 300;

    private static final String[] RESULTS = {"\"sip:bob@example.com \\u00e9\"", "0", "5", "0", "1", "0"};

    private WarmUp() {
    }

    /** The script: makes one call of each shape. */
    public static int main(String[] args) {
        Core.log(3, "warm-up");
        PV.setS("$var(x)", PV.get("$ru"));
        PV.setI("$var(x)", PV.getI("$var(y)"));
        return PV.isNull("$du") + HDR.appendToReply("X: \u00e9\r\n");
    }

    /** Lets a bridge of its own serve the script. */
    static void run(int maxLineBytes) {
        StringBuilder lines = new StringBuilder();
        int question = 0;
        for (int round = 1; round <= ROUNDS; round++) {
            lines.append("{\"jsonrpc\":\"2.0\",\"id\":").append(round);
            lines.append(",\"method\":\"exec\",\"params\":{\"generation\":\"warm-up\",\"param\":\"p\"}}\n");
            for (String result : RESULTS) {
                lines.append("{\"jsonrpc\":\"2.0\",\"id\":").append(++question).append(",\"result\":");
                lines.append(result).append("}\n");
            }
        }
        byte[] bytes = lines.toString().getBytes(StandardCharsets.US_ASCII);
        Outbox outbox = new Outbox(OutputStream.nullOutputStream(), maxLineBytes);
        Bridge bridge = new Bridge(
            new ByteArrayInputStream(bytes), outbox, new Watch(null, outbox), true, Path.of("."), Path.of("."));
        bridge.keep("warm-up", new Script("", List.of(WarmUp.class.getName()), List.of(), null));
        bridge.serve();
    }
}
