package SR;

/** Pseudo-variables, by the names of the routing script, for example {@code $ru}. No method throws. */
public final class PV {
    private PV() {
    }

    /** As {@link #getS}. */
    public static String get(String name) {
        return getS(name);
    }

    /** The value as text; null when the value is null, or the name is bad or null. */
    public static String getS(String name) {
        Host host = Host.current;
        Object answer = host == null || name == null ? null : host.read("PV.GetS", name);
        return answer instanceof String ? (String) answer : null;
    }

    /** The value of a variable of integer type, of a longer number its lower 32 bits; 0 for everything else. */
    public static int getI(String name) {
        Host host = Host.current;
        return host == null || name == null ? 0 : Host.number(host.read("PV.GetI", name), 0);
    }

    /** Assigns a text: 0; -1 when it could not be assigned or an argument is null. */
    public static int setS(String name, String value) {
        Host host = Host.current;
        return host == null || name == null || value == null ? -1 : Host.number(host.edit("PV.SetS", name, value), -1);
    }

    /** Assigns a number: 0; -1 when it could not be assigned or the name is null. */
    public static int setI(String name, int value) {
        Host host = Host.current;
        return host == null || name == null ? -1 : Host.number(host.edit("PV.SetI", name, value), -1);
    }

    /** Assigns null: 0; -1 when the variable cannot be unset or the name is null. */
    public static int unset(String name) {
        Host host = Host.current;
        return host == null || name == null ? -1 : Host.number(host.command("PV.Unset", name), -1);
    }

    /** 1 when the value is null, 0 when it is not, -1 when the name is bad or null. */
    public static int isNull(String name) {
        Host host = Host.current;
        return host == null || name == null ? -1 : Host.number(host.read("PV.IsNull", name), -1);
    }
}
