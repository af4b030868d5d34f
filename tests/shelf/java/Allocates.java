// 200 MiB that it drops again; with a parameter it keeps them, and much more, until there is no memory left.
import java.util.ArrayList;
import java.util.List;

class Allocates {
    public static int main(String[] args) {
        long total = 0;
        List<byte[]> kept = new ArrayList<>();
        for (int i = 0; i < 200 || args.length > 0; i++) {
            byte[] some = new byte[1024 * 1024];
            total += some.length;
            if (args.length > 0) {
                kept.add(some);
            }
        }
        return total == 200L * 1024 * 1024 ? 0 : 1;
    }
}
