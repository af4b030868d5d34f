class Recurses {
    private static int deeper(int n) {
        return n == 0 ? 0 : deeper(n - 1);
    }

    public static int main(String[] args) {
        return deeper(5000);
    }
}
