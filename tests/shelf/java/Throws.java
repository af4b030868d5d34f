import SR.PV;

class Throws {
    public static int main(String[] args) {
        PV.setS("$var(x)", "set before");
        throw new IllegalStateException("boom");
    }
}
