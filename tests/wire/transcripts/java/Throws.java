import SR.Core;

class Throws {
    public static void main(String[] args) {
        Core.log(0, "last words");
        throw new IllegalStateException("boom");
    }
}
