# mypy: disable-error-code="import-not-found, no-untyped-def, no-untyped-call"
"""``Calls.cs`` in Python, for app_python3. Runs in the Python that Kamailio embeds."""

import KSR


class Calls:
    """What Kamailio calls."""

    def child_init(self, _rank):
        """Nothing to begin with."""
        return 0

    def ksr_request_route(self, _msg):
        """Every request."""
        if KSR.is_MESSAGE():
            read()
        else:
            for _ in range(int(KSR.pv.get("$rU"))):
                KSR.tm.t_is_set("failure_route")
        KSR.sl.sl_send_reply(200, "OK")
        return 1


def mod_init():
    """What app_python3 calls after loading."""
    return Calls()


def read():
    """As ``Read`` there."""
    text = f"{KSR.kx.get_method()}{KSR.kx.get_ruri()}{KSR.kx.get_furi()}{KSR.kx.get_turi()}"
    text += f"{KSR.kx.get_srcip()}{KSR.kx.get_srcport()}{KSR.kx.get_callid()}{KSR.kx.gete_ua()}"
    text += f"{KSR.pv.get('$fU')}{KSR.pv.get('$fd')}{KSR.pv.get('$tU')}{KSR.pv.get('$td')}"
    text += f"{KSR.hdr.get('Subject')}{KSR.hdr.get('CSeq')}{KSR.hdr.get('Max-Forwards')}"
    is_ours = KSR.is_myself_ruri() and KSR.is_UDP() and KSR.is_IPv4() and not KSR.is_myself_furi()
    if not text or is_ours:
        KSR.err("this message was not expected\n")
