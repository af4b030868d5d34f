// It loops; with a parameter it returns at once.
import SR.Core;

class Loops {
    public static int main(String[] args) {
        if (args.length > 0) {
            return 0;
        }
        Core.log(1, "last words");
        while (true) {
        }
    }
}
