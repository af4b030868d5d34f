class ExitsAtLoad {
    static {
        System.exit(3);
    }

    public static int main(String[] args) {
        return 99;
    }
}
