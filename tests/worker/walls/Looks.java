// Does what its argument says, and logs what came of it.
import SR.Core;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

public class Looks {
    private static final List<byte[]> KEPT = new ArrayList<>();
    private static int count;

    public static int main(String[] args) throws Exception {
        count++;
        int blank = (args[0] + " ").indexOf(' ');
        Core.log(1, done(args[0].substring(0, blank), args[0].substring(Math.min(blank + 1, args[0].length()))));
        return 0;
    }

    private static String done(String what, String rest) throws Exception {
        switch (what) {
            case "write":
                return tried(() -> { Files.writeString(Path.of(rest), "x"); return "written"; });
            case "read":
                return tried(() -> new String(Files.newInputStream(Path.of(rest)).readAllBytes(), "UTF-8"));
            case "variables":
                return Arrays.stream(rest.split(" ")).filter(System.getenv()::containsKey).collect(Collectors.joining(" "));
            case "files":
                return String.valueOf(files());
            case "processes":
                return String.valueOf(processes());
            case "connects":
                return tried(() -> {
                    try (Socket socket = new Socket()) {
                        socket.connect(new InetSocketAddress(rest.split(" ")[0], Integer.parseInt(rest.split(" ")[1])));
                    }
                    return "connected";
                });
            case "memory":
                KEPT.add(filled(Integer.parseInt(rest)));
                return "allocated";
            case "allocates":
                try {
                    return filled(Integer.parseInt(rest)).length > 0 ? "allocated" : "";
                } catch (OutOfMemoryError error) {
                    return "refused";
                }
            case "leaves":
                Thread thread = new Thread(Looks::waits);
                thread.setDaemon(true);
                thread.start();
                return "left";
            case "loops":
                Core.log(1, "last words");
                while (true) {
                }
            case "dies":
                new ProcessBuilder("kill", "-KILL", String.valueOf(ProcessHandle.current().pid())).start();
                while (true) {
                }
            default:
                return String.valueOf(count);
        }
    }

    private interface Deed {
        String run() throws IOException;
    }

    private static String tried(Deed deed) {
        try {
            return deed.run();
        } catch (IOException error) {
            return "refused";
        }
    }

    private static byte[] filled(int mib) {
        byte[] block = new byte[(int) Math.min(Integer.MAX_VALUE - 8, (long) mib << 20)];
        Arrays.fill(block, (byte) 1);
        return block;
    }

    private static int files() throws IOException {
        List<FileInputStream> opened = new ArrayList<>();
        try {
            while (opened.size() < 1000) {
                opened.add(new FileInputStream("/dev/null"));
            }
        } catch (IOException error) {
            // it has as many as it may
        }
        for (FileInputStream file : opened) {
            file.close();
        }
        return opened.size();
    }

    private static int processes() throws InterruptedException {
        List<Process> started = new ArrayList<>();
        try {
            while (started.size() < 100) {
                started.add(new ProcessBuilder("/bin/sleep", "60").start());
            }
        } catch (IOException | OutOfMemoryError error) {
            // it has as many as it may: a process takes a thread that waits for it
        }
        for (Process process : started) {
            process.destroyForcibly().waitFor();
        }
        return started.size();
    }

    private static void waits() {
        try {
            Thread.sleep(Long.MAX_VALUE);
        } catch (InterruptedException error) {
            return;
        }
    }
}
