import SR.KSR;

public class Routes {
    public static void ksr_request_route() {
        KSR.hdr.append("X-Ran: ksr_request_route\r\n");
        if (KSR.pv.get("$rU").is("throws")) {
            throw new RuntimeException("boom");
        }
        if (!KSR.pv.get("$rU").is("relays")) {
            KSR.call("sl.send_reply", 200, "OK");
            KSR.x.exit();
        }
        KSR.pv.sets("$du", "sip:127.0.0.1:" + KSR.hdr.get("X-To"));
        KSR.tm.t_on_branch("each_branch");
        KSR.tm.t_on_failure("each_failure");
        KSR.tm.t_relay();
    }

    public static void each_branch() {
        KSR.hdr.append("X-Ran: each_branch\r\n");
    }

    public static void each_failure(String name) {
        KSR.tm.t_reply(480, "By each_failure");
    }
}
