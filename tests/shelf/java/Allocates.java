class Allocates {
    public static int main(String[] args) {
        long total = 0;
        for (int i = 0; i < 200; i++) {
            byte[] some = new byte[1024 * 1024];
            total += some.length;
        }
        return total == 200L * 1024 * 1024 ? 0 : 1;
    }
}
