import SR.Core;
import SR.PV;

class Notices {
    public static int main(String[] args) {
        Core.log(2, "one\n");
        Core.err("two \u00e9\n");
        String user = PV.get("$rU");
        Core.dbg(user == null ? "null" : user);
        return PV.setI("$var(n)", -5) + PV.isNull("$du");
    }
}
