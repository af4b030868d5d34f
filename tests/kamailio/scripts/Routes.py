from SR import KSR


def ksr_request_route():
    KSR.hdr.append("X-Ran: ksr_request_route\r\n")
    if KSR.pv.get("$rU") == "throws":
        raise RuntimeError("boom")
    if KSR.pv.get("$rU") != "relays":
        KSR.sl.send_reply(200, "OK")
        KSR.x.exit()
    KSR.pv.sets("$du", "sip:127.0.0.1:" + KSR.hdr.get("X-To"))
    KSR.tm.t_on_branch("each_branch")
    KSR.tm.t_on_failure("each_failure")
    KSR.tm.t_relay()


def each_branch():
    KSR.hdr.append("X-Ran: each_branch\r\n")


def each_failure(_name):
    KSR.tm.t_reply(480, "By each_failure")
