class ReadsStdin {
    public static int main(String[] args) throws java.io.IOException {
        return System.in.read() == -1 ? 0 : 1;
    }
}
