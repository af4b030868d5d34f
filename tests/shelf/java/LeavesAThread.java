class LeavesAThread {
    public static int main(String[] args) {
        new Thread(() -> {
            try {
                Thread.sleep(Long.MAX_VALUE);
            } catch (InterruptedException error) {
                return;
            }
        }).start();
        return 0;
    }
}
