package SR;

/**
 * Kamailio's functions for scripting languages (KEMI), with KEMI's own names and parameters: {@code KSR.tm.t_relay()}.
 * They are added to this class when SR.jar is made, by runner/ksr/java.py. Each throws a {@link KsrException} where
 * Kamailio did not call it.
 */
public final class KSR {
    private KSR() {
    }

    /**
     * Calls a function, for example {@code KSR.call("sl.send_reply", 404, "Not Found")}.
     *
     * @param function its name without {@code KSR.}
     * @param arguments each a String, an Integer, a Long or a Boolean
     * @return a String, a Long, null, or false; true is the Long 1
     * @throws KsrException Kamailio did not call it
     */
    public static Object call(String function, Object... arguments) {
        Host host = Host.current;
        if (host == null) {
            throw new KsrException("KSR." + function + ": this program was not started by app-mono");
        }
        for (int i = 0; i < arguments.length; i++) {
            Object argument = arguments[i];
            if (!(argument instanceof String || argument instanceof Integer || argument instanceof Long
                    || argument instanceof Boolean)) {
                throw new KsrException("KSR." + function + ": expected a text, a number or a boolean as argument "
                    + (i + 1) + ", got " + (argument == null ? "null" : argument.getClass().getName()));
            }
        }
        return host.ksr(function, arguments);
    }

    /** Calls a function that says with a number or a boolean what it did: whether that is true for a routing script. */
    public static boolean isTrue(String function, Object... arguments) {
        Object answer = call(function, arguments);
        return answer instanceof Boolean ? (Boolean) answer : answer instanceof Long && (Long) answer > 0;
    }

    /** The end of the script. */
    public static final class x {
        private x() {
        }

        /** Ends the script, from any depth of calls, and with it the routing of the message. */
        public static void exit() {
            leave(false);
        }

        /** As {@link #exit}, and the message is dropped: a reply or a branch is not sent on. */
        public static void drop() {
            leave(true);
        }

        private static void leave(boolean drops) {
            Host host = Host.current;
            if (host == null) {
                throw new KsrException("KSR.x: this program was not started by app-mono");
            }
            host.exit(drops);
        }
    }
}
