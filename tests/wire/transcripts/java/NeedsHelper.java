class NeedsHelper {
    public static int main(String[] args) {
        return H.version();
    }
}
