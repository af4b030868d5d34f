import SR.PV;

public class Entries {
    private static int runs;

    public static int request(String name) {
        return PV.setS("$var(name)", name == null ? "none" : name) + ++runs;
    }

    public static void branch() {
        PV.setI("$var(runs)", ++runs);
    }

    public static int main(String[] args) {
        return 40 + runs;
    }
}
