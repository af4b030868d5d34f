package SR;

/** The server itself: version, log, module functions. No method throws. */
public final class Core {
    private static final int CANNOT_RUN = -127;

    private Core() {
    }

    /** The version of this interface, "1.0". */
    public static String apiVersion() {
        return "1.0";
    }

    /**
     * Writes to the server's log.
     *
     * @param level -5 alert, -1 error, 0 warning, 1 notice, 2 info, 3 debug
     * @param text the text; null writes nothing
     */
    public static void log(int level, String text) {
        Host host = Host.current;
        if (host != null && text != null) {
            host.log(level, text);
        }
    }

    /** Writes an error (level -1) to the server's log; null writes nothing. */
    public static void err(String text) {
        log(-1, text);
    }

    /** Writes a debug message (level 3) to the server's log; null writes nothing. */
    public static void dbg(String text) {
        log(3, text);
    }

    /**
     * Calls a function of a server module; with arguments, through Kamailio's KEMI.
     *
     * @param name its name in the routing script, which KEMI has, too
     * @param arguments its arguments; numbers are written as texts
     * @return the function's own value; -127 when it cannot be called, or the name or an argument is null
     */
    public static int modF(String name, String... arguments) {
        Host host = Host.current;
        if (host == null || name == null || arguments == null) {
            return CANNOT_RUN;
        }
        Object[] all = new Object[arguments.length + 1];
        all[0] = name;
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i] == null) {
                return CANNOT_RUN;
            }
            all[i + 1] = arguments[i];
        }
        return Host.number(host.command("Core.ModF", all), CANNOT_RUN);
    }
}
