import SR.HDR;
import SR.PV;

public class Three {
    public static int main(String[] args) {
        String uri = PV.getS("$ru");
        PV.setS("$rU", "123");
        return HDR.appendToReply("X-Script: ok\r\n") == 0 && uri != null ? 0 : 1;
    }
}
