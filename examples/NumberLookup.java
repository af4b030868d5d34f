// Looks up the called number in a table and redirects the caller: 302 with a Contact, or 404 for an unknown number.
// The table has a line for each number: NUMBER SIP-URI. It is read again when it has changed.
//
// Try it:         app-mono exec examples/NumberLookup.java $PWD/examples/numbers.txt --message examples/messages/invite.sip
// Routing script: if (!mono_exec("/etc/kamailio/mono/NumberLookup.java", "/etc/kamailio/numbers.txt")) { sl_send_reply("$var(code)", "$var(reason)"); exit; }
import SR.Core;
import SR.HDR;
import SR.PV;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.Map;

public class NumberLookup {
    private static final int TRUE = 0;
    private static final int FALSE = 1;

    // Statics live from call to call.
    private static Map<String, String> numbers = new HashMap<>();
    private static FileTime written;

    public static int main(String[] args) throws IOException {
        if (args.length != 1) {
            Core.err("NumberLookup: expected the table's path as its argument\n");
            return answer(500, "Server Internal Error");
        }
        String method = PV.get("$rm");
        if (method.equals("ACK")) {
            return TRUE;
        }
        if (!method.equals("INVITE") && !method.equals("OPTIONS")) {
            // A caller that was redirected ends the call at its new place, not here.
            return answer(481, "Call/Transaction Does Not Exist");
        }
        refresh(Path.of(args[0]));
        String number = PV.get("$rU");
        String target = numbers.get(number == null ? "" : number);
        if (target == null) {
            Core.log(1, "unknown number: " + (number == null ? "" : number) + "\n");
            return answer(404, "Not Found");
        }
        HDR.appendToReply("Contact: <" + target + ">\r\n");
        return answer(302, "Moved Temporarily");
    }

    private static int answer(int code, String reason) {
        PV.setI("$var(code)", code);
        PV.setS("$var(reason)", reason);
        return FALSE;
    }

    private static void refresh(Path table) throws IOException {
        FileTime now = Files.getLastModifiedTime(table);
        if (now.equals(written)) {
            return;
        }
        Map<String, String> read = new HashMap<>();
        for (String line : Files.readAllLines(table)) {
            String[] words = line.trim().split("\\s+");
            if (words.length == 2) {
                read.put(words[0], words[1]);
            }
        }
        numbers = read;
        written = now;
    }
}
