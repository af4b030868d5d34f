import SR.Core;
import SR.HDR;
import SR.PV;

class OddBytes {
    public static int main(String[] args) {
        Core.log(1, "log \ud800 and \0 go on");
        int high = PV.setS("$var(x)", "\ud800");
        int low = PV.setS("$var(x)", "\udc00");
        int bytes = PV.setS("$var(bytes)", "\udc80\udcff");
        int pair = PV.setS("$var(pair)", "\ud83d\ude00");
        int nul = HDR.append("X-Nul: before\0after\r\n");
        PV.setS("$var(got)", high + " " + low + " " + bytes + " " + pair + " " + nul);
        return 0;
    }
}
