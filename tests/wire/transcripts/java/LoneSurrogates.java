import SR.Core;
import SR.PV;

class LoneSurrogates {
    public static int main(String[] args) {
        int refused = PV.setS("$var(x)", "a\ud800b");
        Core.log(refused, "a\ud800b\udc41c\udc80d");
        return refused;
    }
}
