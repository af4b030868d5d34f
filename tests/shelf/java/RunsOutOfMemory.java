import java.util.ArrayList;
import java.util.List;

class RunsOutOfMemory {
    public static int main(String[] args) {
        List<byte[]> kept = new ArrayList<>();
        while (true) {
            kept.add(new byte[1024 * 1024]);
        }
    }
}
