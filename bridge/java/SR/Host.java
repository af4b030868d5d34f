package SR;

/** Answers the calls of a script. The bridge is one; scripts use {@link Core}, {@link PV}, {@link HDR}, {@link KSR}. */
public abstract class Host {
    /** The host of this process; null when the program was not started by app-mono. */
    static volatile Host current;

    /** Makes this the host of the process. */
    public final void use() {
        current = this;
    }

    /** Sends one log message; the script does not wait. */
    public abstract void log(int level, String text);

    /** Makes a call that changes nothing; the result is a String, a Long, or null when it failed. */
    public abstract Object read(String call, String name);

    /**
     * Makes an edit that the host may have called certain.
     *
     * @param target the variable that it changes; "" for headers, where the value is the only argument
     * @param value a String or an Integer
     * @return a Long, or null when it failed
     */
    public abstract Object edit(String call, String target, Object value);

    /** Makes any other call, which may change anything; a Long, or null when it failed. */
    public abstract Object command(String call, Object... arguments);

    /**
     * Calls a function of Kamailio's KEMI.
     *
     * @return a String, a Long, null, or false; true is the Long 1
     * @throws KsrException it was not called
     */
    public abstract Object ksr(String function, Object... arguments);

    /** Ends the script from any depth; outside an exec it does nothing. */
    public abstract void exit(boolean drops);

    static int number(Object answer, int errorValue) {
        return answer instanceof Long ? ((Long) answer).intValue() : errorValue;
    }
}
