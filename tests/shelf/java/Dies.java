// Ends its own process without a word, as a crash would.
class Dies {
    public static int main(String[] args) {
        Runtime.getRuntime().halt(1);
        return 0;
    }
}
