package srbridge;

/** Ends a script that called KSR.x.exit() or drop(): it passes every {@code catch (Exception e)} and runs every finally. */
final class Exit extends Error {
    private static final long serialVersionUID = 1;

    Exit() {
        super("KSR.x.exit()", null, false, false);
    }
}
