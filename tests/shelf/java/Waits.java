// It waits until somebody writes to the pipe that the parameter names.
import java.io.FileInputStream;
import java.io.IOException;

class Waits {
    public static int main(String[] args) throws IOException {
        try (FileInputStream pipe = new FileInputStream(args[0])) {
            pipe.read();
        }
        return 41;
    }
}
