// 5000 calls deep; with a parameter without end.
class Recurses {
    private static int deeper(int n) {
        return n == 0 ? 0 : deeper(n - 1) + 1;
    }

    public static int main(String[] args) {
        return deeper(args.length == 0 ? 5000 : -1) == 5000 ? 0 : 1;
    }
}
