class DiesAtLoad {
    static {
        Runtime.getRuntime().halt(3);
    }

    public static int main(String[] args) {
        return 0;
    }
}
