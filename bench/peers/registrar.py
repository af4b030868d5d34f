# ruff: noqa: D103, PLR2004 - functions and numbers are those of Registrar.cs, which says what they are
# mypy: disable-error-code="import-not-found, no-untyped-def, no-untyped-call"
"""
The route of ``kamailio/Registrar.cs`` in Python, for app_python3: what C# is measured against.

Each function here is one there, with the same calls in the same order. Runs in the Python that Kamailio embeds.
"""

import contextlib

import KSR


class End(Exception):
    """Ends the script, as ``KSR.x.exit()`` does in the other languages; KSR.x of app_python3 has no such function."""


class Registrar:
    """What Kamailio calls."""

    def child_init(self, _rank):
        """Nothing to begin with."""
        return 0

    def ksr_request_route(self, _msg):
        """Every request."""
        with contextlib.suppress(End):
            route_request()
        return 1

    def ksr_reply_route(self, _msg):
        """Every reply, before its transaction is looked for."""
        if KSR.sanity.sanity_check(17604, 6) < 0:
            KSR.err(f"malformed SIP response from {KSR.kx.get_srcip()}:{KSR.kx.get_srcport()}\n")
            KSR.set_drop()
        return 1

    def ksr_branch_manage(self, _msg):
        """Each branch of a request, before it is sent."""
        KSR.dbg(f"new branch {KSR.pv.get('$T_branch_idx')} to {KSR.kx.get_ruri()}\n")
        return 1

    def ksr_onreply_manage(self, _msg):
        """Replies to requests that were relayed."""
        KSR.dbg(f"incoming reply {KSR.kx.get_status()}\n")
        return 1

    def ksr_failure_manage(self, _msg):
        """A call that failed at all its targets."""
        if KSR.tm.t_is_canceled() > 0:
            return 1
        KSR.dbg(f"failed with {KSR.pv.get('$T_reply_code')}\n")
        return 1


def mod_init():
    """What app_python3 calls after loading."""
    return Registrar()


def route_request():
    request_init()

    if KSR.is_CANCEL():
        if KSR.tm.t_check_trans() > 0:
            relay()
        return

    if not KSR.is_ACK():
        if KSR.tmx.t_precheck_trans() > 0:
            KSR.tm.t_check_trans()
            return
        if KSR.tm.t_check_trans() == 0:
            return

    within_dialog()

    if not KSR.is_myself_ruri():
        KSR.sl.sl_send_reply(403, "Not relaying")
        return

    KSR.hdr.remove("Route")
    if KSR.is_method_in("IS"):
        KSR.rr.record_route()

    register()

    if KSR.corex.has_ruri_user() < 0:
        KSR.sl.sl_send_reply(484, "Address Incomplete")
        return

    locate()


def request_init():
    KSR.set_reply_no_connect()
    KSR.force_rport()

    agent = KSR.kx.gete_ua()
    if any(scanner in agent for scanner in ("friendly", "scanner", "sipcli", "sipvicious")):
        raise End
    if KSR.maxfwd.process_maxfwd(10) < 0:
        KSR.sl.sl_send_reply(483, "Too Many Hops")
        raise End
    if KSR.is_OPTIONS() and KSR.is_myself_ruri() and KSR.corex.has_ruri_user() < 0:
        KSR.sl.sl_send_reply(200, "Keepalive")
        raise End
    if KSR.sanity.sanity_check(17895, 7) < 0:
        KSR.err(f"malformed SIP request from {KSR.kx.get_srcip()}:{KSR.kx.get_srcport()}\n")
        raise End


def within_dialog():
    if KSR.siputils.has_totag() < 0:
        return
    if KSR.rr.loose_route() > 0:
        if KSR.is_NOTIFY():
            KSR.rr.record_route()
        relay()
    if KSR.is_ACK():
        if KSR.tm.t_check_trans() > 0:
            relay()
        raise End
    KSR.sl.sl_send_reply(404, "Not here")
    raise End


def register():
    if not KSR.is_REGISTER():
        return
    if KSR.registrar.save("location", 0) < 0:
        KSR.sl.sl_reply_error()
    raise End


def locate():
    found = KSR.registrar.lookup("location")
    if found < 0:
        KSR.tm.t_newtran()
        if found == -2:
            KSR.sl.send_reply(405, "Method Not Allowed")
        else:
            KSR.sl.send_reply(404, "Not Found")
        raise End
    relay()


def relay():
    if KSR.is_method_in("IBSU") and KSR.tm.t_is_set("branch_route") < 0:
        KSR.tm.t_on_branch("ksr_branch_manage")
    if KSR.is_method_in("ISU") and KSR.tm.t_is_set("onreply_route") < 0:
        KSR.tm.t_on_reply("ksr_onreply_manage")
    if KSR.is_INVITE() and KSR.tm.t_is_set("failure_route") < 0:
        KSR.tm.t_on_failure("ksr_failure_manage")
    if KSR.tm.t_relay() < 0:
        KSR.sl.sl_reply_error()
    raise End
