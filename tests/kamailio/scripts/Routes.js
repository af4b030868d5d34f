const { KSR } = require("SR");

exports.ksr_request_route = function () {
    KSR.hdr.append("X-Ran: ksr_request_route\r\n");
    if (KSR.pv.get("$rU") === "throws") {
        throw new Error("boom");
    }
    if (KSR.pv.get("$rU") !== "relays") {
        KSR.sl.send_reply(200, "OK");
        KSR.x.exit();
    }
    KSR.pv.sets("$du", "sip:127.0.0.1:" + KSR.hdr.get("X-To"));
    KSR.tm.t_on_branch("each_branch");
    KSR.tm.t_on_failure("each_failure");
    KSR.tm.t_relay();
};

exports.each_branch = function () {
    KSR.hdr.append("X-Ran: each_branch\r\n");
};

exports.each_failure = function (name) {
    KSR.tm.t_reply(480, "By each_failure");
};
