// Makes the calls that a file lists, in order, and notes what each returned, as tests/kamailio/scripts/PlaysSteps.cs does.
import SR.Core;
import SR.HDR;
import SR.PV;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

public class PlaysSteps {
    public static void main(String[] args) throws IOException {
        if (!Files.exists(Path.of(args[0]))) {
            return;
        }
        List<String> answers = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            String[] words = line.split(" ");
            answers.add(answer(words[0], text(words[1]), words.length > 2 ? text(words[2]) : null));
        }
        Files.write(Path.of(args[0] + ".answers"), answers);
    }

    private static String answer(String call, String first, String second) {
        switch (call) {
            case "Core.Log":
                Core.log(Integer.parseInt(first), second);
                return "n";
            case "Core.ModF": return "i:" + Core.modF(first);
            case "PV.GetS": return units(PV.getS(first));
            case "PV.GetI": return "i:" + PV.getI(first);
            case "PV.SetS": return "i:" + PV.setS(first, second);
            case "PV.SetI": return "i:" + PV.setI(first, Integer.parseInt(second));
            case "PV.Unset": return "i:" + PV.unset(first);
            case "PV.IsNull": return "i:" + PV.isNull(first);
            case "HDR.Append": return "i:" + HDR.append(first);
            case "HDR.Insert": return "i:" + HDR.insert(first);
            case "HDR.Remove": return "i:" + HDR.remove(first);
            case "HDR.AppendToReply": return "i:" + HDR.appendToReply(first);
            default: throw new IllegalArgumentException(call);
        }
    }

    private static String units(String value) {
        if (value == null) {
            return "n";
        }
        StringBuilder units = new StringBuilder("s:");
        value.chars().forEach(unit -> units.append(String.format("%04x", unit)));
        return units.toString();
    }

    private static String text(String units) {
        StringBuilder text = new StringBuilder();
        // The first character is a marker, so that an empty text is a word as well.
        for (int at = 1; at < units.length(); at += 4) {
            text.append((char) Integer.parseInt(units.substring(at, at + 4), 16));
        }
        return text.toString();
    }
}
