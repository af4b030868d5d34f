package SR;

/** Headers of the message, as raw text that ends with "\r\n". Each method gives 0; -1 when it failed. None throws. */
public final class HDR {
    private HDR() {
    }

    /** Adds a header after the last one. */
    public static int append(String header) {
        return edit("HDR.Append", header);
    }

    /** Removes every header of that name; 0 also when there is none. */
    public static int remove(String name) {
        return edit("HDR.Remove", name);
    }

    /** Adds a header after the first one. */
    public static int insert(String header) {
        return edit("HDR.Insert", header);
    }

    /** Adds a header to the reply that the server will send. */
    public static int appendToReply(String header) {
        return edit("HDR.AppendToReply", header);
    }

    private static int edit(String call, String text) {
        Host host = Host.current;
        return host == null || text == null ? -1 : Host.number(host.edit(call, "", text), -1);
    }
}
