class OverflowsTheStack {
    private static int deeper(int n) {
        return deeper(n + 1) + n;
    }

    public static int main(String[] args) {
        return deeper(0);
    }
}
