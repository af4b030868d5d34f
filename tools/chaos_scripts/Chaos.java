import SR.Core;
import SR.HDR;
import SR.KSR;
import SR.PV;
import java.nio.file.Files;
import java.nio.file.Path;

public class Chaos {
    public static int main(String[] args) throws Exception {
        switch (String.valueOf(PV.get("$rU"))) {
            case "throws":
                throw new Exception("chaos");
            case "loops":
                while (true) {
                }
            case "exits":
                System.exit(3);
                break;
            case "dies":
                new ProcessBuilder("kill", "-KILL", String.valueOf(ProcessHandle.current().pid())).start();
                Thread.sleep(10000);
                break;
            case "threads":
                for (int i = 0; i < 50; i++) {
                    new Thread(() -> pause()).start();
                }
                break;
            case "nests":
                // Java has no way to change its directory: it is a path that becomes longer, for as long as one may be.
                for (Path path = Path.of("d"); path.toString().length() < 3000; path = path.resolve("d")) {
                    Files.createDirectory(path);
                }
                break;
            case "floods":
                for (int i = 0; i < 20000; i++) {
                    Core.log(3, "flood " + i);
                    System.out.println("flood " + i);
                }
                break;
            default:
                break;
        }
        HDR.appendToReply("X-Build: 0000\r\n");
        return 0;
    }

    public static void ksr_request_route() throws Exception {
        main(new String[0]);
        KSR.call("sl.sl_send_reply", 200, "OK");
    }

    private static void pause() {
        try {
            Thread.sleep(50);
        } catch (InterruptedException error) {
            return;
        }
    }
}
