// Does what Speaks.cs does.
import SR.Core;
import SR.HDR;
import SR.KSR;
import SR.PV;
import java.util.Objects;

public class Speaks {
    private static void tell(String name, Object value) {
        Core.log(1, name + ": " + value + "\n");
    }

    public static int main(String[] args) {
        tell("argument", args.length == 0 ? "none" : args[0]);
        String[] asked = {
            "$rm", "$ru", "$rU", "$fu", "$ci", "$cs", "$si", "$ua", "$hdr(Subject)", "$hdr(X-Bytes)", "$var(old)", "$nothing"
        };
        for (String name : asked) {
            tell(name, PV.get(name));
        }
        tell("integers", PV.getI("$cs") + " " + PV.getI("$rU") + " " + PV.getI("$nothing"));
        tell("nulls", PV.isNull("$ua") + " " + PV.isNull("$rU") + " " + PV.isNull("$nothing"));

        String odd = Objects.toString(PV.get("$hdr(X-Bytes)"), "none");
        tell("set", PV.setS("$rU", "new") + " " + PV.setS("$var(odd)", odd) + " " + PV.setI("$var(number)", -7));
        tell("not set", PV.setS("$nothing", "x") + " " + PV.setS("$si", "x") + " " + PV.setI("$nothing", 1) + " "
            + PV.setS("$ru", "\udc80\ud800"));
        tell("set again", PV.setS("$avp(kept)", "one") + " " + PV.setS("$var(gone)", "two") + " "
            + PV.unset("$var(gone)") + " " + PV.unset("$nothing"));
        for (String name : new String[] {"$ru", "$rU", "$var(odd)", "$var(number)", "$avp(kept)", "$var(gone)"}) {
            tell(name, PV.get(name));
        }
        tell("headers", HDR.append("X-Odd: <" + odd + ">\r\n") + " " + HDR.insert("X-First: " + PV.get("$ci") + "\r\n")
            + " " + HDR.remove("Subject") + " " + HDR.appendToReply("X-Reply: " + odd + "\r\n"));
        tell("no headers", HDR.append("no header") + " " + HDR.remove("X-Not-There") + " " + HDR.append(""));
        tell("functions", Core.modF("has_totag") + " " + Core.modF("no_such_function") + " "
            + Core.modF("is_method", "INVITE"));
        tell("kemi", KSR.call("pv.get", "$ci") + " " + KSR.call("hdr.append", "X-Kemi: " + odd + "\r\n"));
        Core.err("an error of " + PV.get("$rm") + "\n");
        Core.dbg("not seen at this level\n");
        PV.setS("$var(told)", "told " + odd);
        return "alice".equals(PV.get("$fU")) ? PV.getI("$cs") - 1 : 404;
    }
}
