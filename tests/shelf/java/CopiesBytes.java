import SR.HDR;
import SR.PV;

class CopiesBytes {
    public static int main(String[] args) {
        return HDR.append("X-Copy: " + PV.get("$hdr(X-Odd)") + "\r\n");
    }
}
