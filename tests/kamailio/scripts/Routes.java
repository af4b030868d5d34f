import SR.KSR;

public class Routes {
    public static void ksr_request_route() {
        KSR.call("hdr.append", "X-Ran: ksr_request_route\r\n");
        if ("throws".equals(KSR.call("pv.get", "$rU"))) {
            throw new RuntimeException("boom");
        }
        if (!"relays".equals(KSR.call("pv.get", "$rU"))) {
            KSR.call("sl.send_reply", 200, "OK");
            KSR.x.exit();
        }
        KSR.call("pv.sets", "$du", "sip:127.0.0.1:" + KSR.call("hdr.get", "X-To"));
        KSR.call("tm.t_on_branch", "each_branch");
        KSR.call("tm.t_on_failure", "each_failure");
        KSR.call("tm.t_relay");
    }

    public static void each_branch() {
        KSR.call("hdr.append", "X-Ran: each_branch\r\n");
    }

    public static void each_failure(String name) {
        KSR.call("tm.t_reply", 480, "By each_failure");
    }
}
