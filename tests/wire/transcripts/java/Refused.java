import SR.Core;
import SR.PV;

class Refused {
    public static int main(String[] args) {
        int set = PV.setS("$ru", "x");
        String got = PV.get("$nope");
        Core.log(set, got == null ? "null" : got);
        Core.log(PV.getI("$nope"), "GetI");
        return Core.modF("sl_send_reply");
    }
}
