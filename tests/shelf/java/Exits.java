// The parameter is the code; with "thread CODE" another thread exits.
import SR.Core;

class Exits {
    public static int main(String[] args) throws InterruptedException {
        Core.log(1, "before exit");
        String[] words = args[0].split(" ");
        int code = Integer.parseInt(words[words.length - 1]);
        if (words.length == 1) {
            System.exit(code);
        }
        new Thread(() -> System.exit(code)).start();
        Thread.sleep(Long.MAX_VALUE);
        return 99;
    }
}
