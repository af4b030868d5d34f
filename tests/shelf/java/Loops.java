import SR.Core;

class Loops {
    public static int main(String[] args) {
        Core.log(1, "last words");
        while (true) {
        }
    }
}
