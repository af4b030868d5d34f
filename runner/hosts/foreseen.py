"""
What may be sent ahead, by name: which group a variable belongs to, and which edits cannot fail.

Both hosts share it, because it follows from Kamailio's names alone. Must not know a message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runner.calls import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterator

FIXED = ""
"""The group of what is read from the received message: no certain edit changes it."""
R_URI = "ruri"

_FIXED_NAMES = frozenset(
    {"ci", "cs", "rm", "fu", "fU", "fd", "fn", "ft", "tu", "tU", "td", "tn", "tt", "ct", "cT", "cl", "ua", "ai", "di"}
    | {"pu", "ou", "oU", "od", "pr", "proto", "si", "sp", "Ri", "Rp", "rs", "rr"}
)
_R_URI_NAMES = frozenset({"ru", "rU", "rd", "rp", "rP", "rz", "du", "dd", "dp", "dP"})
_NAME = re.compile(
    r"\$(?:\((?P<quoted>[A-Za-z]+)\)|(?P<plain>[A-Za-z]+)"
    r"|(?P<kind>var|avp)\((?P<own>[A-Za-z_][A-Za-z0-9_]*)\)"
    r"|hdr\([A-Za-z0-9-]+\)|\(hdr\([A-Za-z0-9-]+\)(?:\[-?[0-9]+\])?\))"
)


BY_NAME = "name"
"""The group of the variable that the argument names."""
NOT_AHEAD = None
"""In the place of a group: it changes nothing, but what it gives is large, or is not the same for long."""

_METHODS = (
    "ACK BYE CANCEL DELETE GET INFO INVITE KDMQ MESSAGE NOTIFY OPTIONS POST PRACK PUBLISH PUT REFER REGISTER SUBSCRIBE"
)
_PROTOCOLS = "IPv4 IPv6 SCTP TCP TLS UDP UPDATE WS WSS WSX"


def _reads(module: str, names: str) -> Iterator[str]:
    return (f"{module}.{name}" if module else name for name in names.split())


def _forms(names: str) -> str:
    """Three functions for each: with null, an empty text, or ``<null>`` where there is no value."""
    return " ".join(f"get{form}_{name}" for name in names.split() for form in ("", "e", "w"))


# The functions of KEMI that change nothing, cannot end an exec and never wait, and the group of what they give. Read in
# 5.6.3 and 6.0.1; whoever adds one has to read it, too: many a function with "is" or "get" in its name parses into the
# message, writes a variable, or asks a database. Flags, routes and sockets are in the group that no certain edit
# changes, because whatever else changes them ends the guessing of an exec.
KSR_READS: dict[str, str | None] = {
    # core/kemi.c: the name of a variable, which decides, or of a header; a header that an edit adds is not there yet
    **dict.fromkeys(_reads("pv", "get gete geti getl getvn getvs getw is_null"), BY_NAME),
    **dict.fromkeys(_reads("hdr", "get get_idx gete gete_idx getw getw_idx is_present match_content"), FIXED),
    # core/kemi.c: the first line, where the message came from, flags, and the names of this server
    **dict.fromkeys(_reads("", " ".join(f"is_{name}" for name in f"{_METHODS} {_PROTOCOLS}".split())), FIXED),
    **dict.fromkeys(_reads("", "is_dst_port is_method is_method_in is_myself is_proto is_src_port"), FIXED),
    **dict.fromkeys(_reads("", "is_myself_furi is_myself_srcip is_myself_suri is_myself_turi"), FIXED),
    **dict.fromkeys(_reads("", "isbflagset isbiflagset isflagset issflagset"), FIXED),
    **dict.fromkeys(_reads("", "is_myself_duri is_myself_nhuri is_myself_ruri isdsturiset"), R_URI),
    # modules/kemix/kemix_mod.c: as the variables of the same meaning
    **dict.fromkeys(_reads("kx", _forms("fhost fuser thost tuser ua au cturi")), FIXED),
    **dict.fromkeys(_reads("kx", "get_callid get_furi get_method get_msgtype get_turi get_status gets_status"), FIXED),
    **dict.fromkeys(_reads("kx", "get_proto get_protoid get_srcaddr_sock get_srcip get_srcport get_srcuri"), FIXED),
    **dict.fromkeys(_reads("kx", "get_rcv_sock_name get_rcvaddr_sock get_rcvadvip get_rcvadvport get_rcvip"), FIXED),
    **dict.fromkeys(_reads("kx", "get_rcvport get_send_sock get_send_sock_name get_send_sock_port"), FIXED),
    **dict.fromkeys(_reads("kx", "get_def get_defn get_env get_envn ifdef ifndef"), FIXED),
    **dict.fromkeys(_reads("kx", _forms("duri rhost ruser")), R_URI),
    **dict.fromkeys(
        _reads("kx", "get_nhuri get_ouri get_ruri"), R_URI
    ),  # get_ouri: none where the R-URI does not parse
    **dict.fromkeys(_reads("kx", f"{_forms('body')} get_bodylen get_msgbuf get_msglen get_timestamp"), NOT_AHEAD),
    # corex_mod.c; maxfwd.c; nathelper.c; sdpops_mod.c; siputils/checks.c; textops.c; tmx_mod.c
    **dict.fromkeys(_reads("corex", "has_user_agent is_faked_msg is_socket_name isxflagset"), FIXED),
    **dict.fromkeys(_reads("corex", "has_ruri_user"), R_URI),
    **dict.fromkeys(_reads("maxfwd", "is_maxfwd_lt"), FIXED),
    **dict.fromkeys(_reads("nathelper", "is_rfc1918"), FIXED),
    **dict.fromkeys(_reads("sdpops", "sdp_content sdp_content_flags sdp_with_ice sdp_with_media"), FIXED),
    **dict.fromkeys(_reads("siputils", "cmp_hdr_name has_totag is_alphanum is_alphanumex is_numeric"), FIXED),
    **dict.fromkeys(_reads("siputils", "is_reply is_request is_tel_number is_uri"), FIXED),
    **dict.fromkeys(_reads("siputils", "uri_param uri_param_value"), R_URI),
    **dict.fromkeys(
        _reads("textops", "cmp_istr cmp_str ends_with has_body has_body_type in_list in_list_prefix"), FIXED
    ),
    **dict.fromkeys(
        _reads("textops", "is_audio_on_hold is_present_hf is_privacy starts_with str_find str_ifind"), FIXED
    ),
    **dict.fromkeys(_reads("tmx", "t_is_branch_route t_is_failure_route t_is_reply_route t_is_request_route"), FIXED),
    # modules/ipops/api.c: what its arguments are, which changes for nobody
    **dict.fromkeys(_reads("ipops", "compare_ips compare_pure_ips ip_is_in_subnet ip_type is_in_subnet is_ip"), FIXED),
    **dict.fromkeys(_reads("ipops", "is_ip4 is_ip6 is_ip6_reference is_ip_rfc1918 is_pure_ip"), FIXED),
}


def depends_on(call: str, name: str) -> str | None:
    """
    The group of what a call reads; None for what is not sent ahead.

    Left out are variables of time, process and other processes (``$shv``, hash tables), bodies and whole messages,
    names made of variables, and transformations.

    Args:
        call: ``PV.GetS`` and its like, or a function of KEMI.
        name: The variable, or the function's argument.
    """
    group = BY_NAME if call in CALLS else KSR_READS.get(call)
    return _group_of(name) if group is BY_NAME else group


def _group_of(name: str) -> str | None:
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    if found["own"] is not None:
        return f"${found['kind']}({found['own']})"
    letters = found["plain"] or found["quoted"]
    if letters is None or letters in _FIXED_NAMES:
        return FIXED
    return R_URI if letters in _R_URI_NAMES else None


def changes(call: str, target: str) -> tuple[str, str] | None:
    """What an edit changes, and which values it certainly accepts (``runner.calls.Foreseen``)."""
    if call in {"HDR.Append", "HDR.Insert", "HDR.AppendToReply"}:
        return FIXED, "any"
    if call == "HDR.Remove":
        return FIXED, "word"
    if call == "PV.SetS" and target == "$rU":
        return R_URI, "word"
    if call in {"PV.SetS", "PV.SetI"} and target.startswith(("$var(", "$avp(")):
        group = _group_of(target)
        return None if group is None else (group, "any")
    return None


def is_always_certain(call: str, target: str) -> bool:
    """Whether an edit cannot fail on any message."""
    return call == "HDR.AppendToReply" or target.startswith(("$var(", "$avp("))
