package srbridge;

/** A script cannot run: it does not compile, is no class or jar, has nothing to run, or a static initialiser threw. */
final class InvalidScript extends RuntimeException {
    private static final long serialVersionUID = 1;

    InvalidScript(String message, Throwable cause) {
        super(message, cause);
    }
}
