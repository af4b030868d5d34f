package srbridge;

/** Ends a script that called KSR.x.exit() or drop(): no {@code catch (Exception e)} stops it, every finally runs. */
final class Exit extends Error {
    private static final long serialVersionUID = 1;

    Exit() {
        super("KSR.x.exit()", null, false, false);
    }
}
