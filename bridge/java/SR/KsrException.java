package SR;

/** A call of KSR that Kamailio did not make. The message says why, and what to do about it. */
public final class KsrException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public KsrException(String message) {
        super(message);
    }
}
