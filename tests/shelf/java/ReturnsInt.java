class ReturnsInt {
    public static int main(String[] args) {
        return 7;
    }
}
