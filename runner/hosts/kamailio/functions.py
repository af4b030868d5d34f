"""
``ModF`` on a running Kamailio: a module function that takes no parameters, or the reason why it is not called.

Standard library only: it is imported by the Python that Kamailio embeds. No function that it calls may end the server.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from typing import TYPE_CHECKING, Any

from runner.errors import RunnerError
from runner.sip.multipart import boundary_line, mended

if TYPE_CHECKING:
    from .exports import Exports

# Functions that take parameters look for them even when they get none. app_mono passes NULL; the message object of
# app_python3 passes two pointers that it never set (python_msgobj.c, msg_call_function), which ends Kamailio sooner or
# later. These have the same through KEMI. By module and name: the method of KSR.MODULE, and its arguments.
_BY_KEMI: dict[tuple[str, str], tuple[str, tuple[int | str, ...]]] = {
    ("blst", "blst_clear_ignore"): ("blst_clear_ignore_all", ()),
    ("blst", "blst_rpl_clear_ignore"): ("blst_rpl_clear_ignore_all", ()),
    ("blst", "blst_rpl_set_ignore"): ("blst_rpl_set_ignore_all", ()),
    ("blst", "blst_set_ignore"): ("blst_set_ignore_all", ()),
    ("corex", "append_branch"): ("append_branch", ()),
    ("dmq", "dmq_t_replicate"): ("t_replicate", ()),
    ("msilo", "m_dump"): ("mdump", ()),
    ("msilo", "m_store"): ("mstore", ()),
    ("nathelper", "add_rcv_param"): ("add_rcv_param", (0,)),
    ("permissions", "allow_source_address"): ("allow_source_address", (1,)),
    ("prefix_route", "prefix_route"): ("prefix_route_uri", ()),
    ("presence", "handle_publish"): ("handle_publish", ()),
    ("rr", "record_route"): ("record_route", ()),
    ("rtpengine", "block_dtmf"): ("block_dtmf0", ()),
    ("rtpengine", "block_media"): ("block_media0", ()),
    ("rtpengine", "rtpengine_answer"): ("rtpengine_answer0", ()),
    ("rtpengine", "rtpengine_delete"): ("rtpengine_delete0", ()),
    ("rtpengine", "rtpengine_manage"): ("rtpengine_manage0", ()),
    ("rtpengine", "rtpengine_offer"): ("rtpengine_offer0", ()),
    ("rtpengine", "rtpengine_query"): ("rtpengine_query0", ()),
    ("rtpengine", "silence_media"): ("silence_media0", ()),
    ("rtpengine", "start_recording"): ("start_recording", ()),
    ("rtpengine", "stop_media"): ("stop_media0", ()),
    ("rtpengine", "stop_recording"): ("stop_recording", ()),
    ("rtpengine", "unblock_dtmf"): ("unblock_dtmf0", ()),
    ("rtpengine", "unblock_media"): ("unblock_media0", ()),
    ("rtpengine", "unsilence_media"): ("unsilence_media0", ()),
    ("rtpproxy", "rtpproxy_answer"): ("rtpproxy_answer0", ()),
    ("rtpproxy", "rtpproxy_destroy"): ("rtpproxy_destroy0", ()),
    ("rtpproxy", "rtpproxy_offer"): ("rtpproxy_offer0", ()),
    ("rtpproxy", "unforce_rtp_proxy"): ("rtpproxy_destroy0", ()),
    ("sanity", "sanity_check"): ("sanity_check_defaults", ()),
    ("siputils", "is_first_hop"): ("is_first_hop", ()),
    ("siputils", "is_gruu"): ("is_gruu", ()),
    ("textops", "has_body"): ("has_body", ()),
    ("tm", "t_drop_replies"): ("t_drop_replies_all", ()),
    ("tm", "t_load_contacts"): ("t_load_contacts", ()),
    ("tm", "t_lookup_cancel"): ("t_lookup_cancel", ()),
    ("tm", "t_relay_to"): ("t_relay_to_flags", (0,)),
    ("tm", "t_replicate"): ("t_replicate", ("",)),
}

# The routing script may call these for requests only, but a reply does them no harm: what they read of it is there in
# a request and in a reply, or they look for a transaction first, as Kamailio itself does with each reply.
_SAFE_ON_REPLIES = {
    "rr": {"loose_route", "loose_route_preloaded", "remove_record_route"},
    "siputils": {"append_rpid_hf", "decode_contact", "is_rpid_user_e164", "options_reply"},
    "sl": {"sl_reply_error"},
    "textops": {"append_time", "set_body_multipart"},
    "tm": {
        "t_branch_replied", "t_branch_timeout", "t_lookup_request", "t_next_contact_flow", "t_next_contacts",
        "t_retransmit_reply", "t_save_lumps",
    },
    "tmx": {"t_precheck_trans", "t_reuse_branch"},
}  # fmt: skip

_IS_MULTIPART = re.compile(r"multipart/mixed[ \t]*(?:;[^,]*)?", re.IGNORECASE)
_ROOM_FOR_DASHES = 2  # bytes
_converted: int | None = None  # the number of the message that was made a multipart one last

# Of this process, for Kamailio loads all its modules before it forks; a text is why they cannot be read.
_known: Exports | str | None = None


class CannotRun(RunnerError):
    """The function was not called; the text is the reason."""


def run(name: str, msg: Any, ksr: Any) -> int:
    """
    Call a function without a parameter.

    Args:
        name: Its name in kamailio.cfg.
        msg: The message object of app_python3; None where Kamailio has none.
        ksr: Kamailio's module ``KSR``.

    Returns:
        The function's own value.

    Raises:
        CannotRun: It is unknown, takes a parameter, or would not be safe.
    """
    global _converted  # noqa: PLW0603  # a process has one message at a time
    reason = why_not(name)
    if reason is not None:
        raise CannotRun(reason)
    function = _exports().function(name)
    assert function is not None  # noqa: S101  # or there was a reason
    if function.has_options:
        return _run_by_kemi(function.module, name, ksr)
    # t_suspend follows the branch of a reply, which may be none (ksr_guards).
    may_be_a_reply = (function.is_for_replies and name != "t_suspend") or name in _SAFE_ON_REPLIES.get(
        function.module, ()
    )
    if not may_be_a_reply and getattr(msg, "Type", None) == "SIP_REPLY":
        # It looks for the first line of a request (sca_handle_subscribe ends Kamailio so).
        raise CannotRun("it is for requests, and this message is a reply")
    converted = _becomes_multipart(ksr) if name == "set_body_multipart" else None
    try:
        value = int(msg.call_function(name))
    except AttributeError as error:
        raise CannotRun("this Kamailio gives its script no message object") from error
    except RuntimeError as error:
        raise CannotRun(str(error)) from error
    if converted is not None and value > 0:
        _converted = converted
    return value


def why_not(name: str) -> str | None:
    """
    Why a function is called on no message at all; None when it is on some.

    Raises:
        RunnerError: The tables of this Kamailio cannot be read.
    """
    function = _exports().function(name)
    if function is None:
        return "no loaded module has such a function without parameters"
    if function.refusal is None and function.has_options and (function.module, name) not in _BY_KEMI:
        return "it takes parameters too, and cannot be called safely without them"
    return function.refusal


def exporters(name: str) -> tuple[str, ...]:
    """
    The modules that have a function of this name for the routing script, with whatever parameters.

    Raises:
        RunnerError: As ``why_not``.
    """
    return _exports().exporters(name)


def _run_by_kemi(module: str, name: str, ksr: Any) -> int:
    method, arguments = _BY_KEMI[module, name]
    call = getattr(getattr(ksr, module, None), method, None)
    if call is None:
        raise CannotRun(f"KSR.{module}.{method} is not available")
    from . import exports  # noqa: PLC0415  # it is loaded already

    exports.begin_action()
    try:
        value = call(*arguments)
    except (SystemError, TypeError) as error:  # another number of parameters than in 5.6 and 6.0
        raise CannotRun(str(error)) from error
    value = (1 if value else -1) if type(value) is bool else int(value)
    exports.end_action(value)
    return value


def _becomes_multipart(ksr: Any) -> int | None:
    """
    The number of the message if ``set_body_multipart`` would make it a multipart one; None if it would do nothing.

    Whenever Kamailio builds such a message, it looks for the boundary in the Content-Type that was parsed, which may
    have none or be missing. When it finds one, it goes on behind the last line that begins with it
    (core/msg_translator.c, get_boundary and check_boundaries).

    Raises:
        CannotRun: Kamailio would crash when it builds the message.
    """
    kind = _content_type(ksr)
    if not ksr.pv.get("$(rb{s.len})") or (kind is not None and _IS_MULTIPART.fullmatch(kind)):
        return None
    if kind is None or ";" in kind:
        raise CannotRun("its Content-Type is missing, or has parameters")
    return int(ksr.pv.get("$mi"))


def may_be_built(ksr: Any) -> bool:
    """
    Whether Kamailio survives building the message, once more if ``set_body_multipart`` ran on it.

    Its Content-Type has to be parsed then, which this does. One with parameters has to name a boundary, and what
    ``mended`` gives has to fit into the room for it, two bytes more than the body has.
    """
    if _converted is None or ksr.pv.get("$mi") != _converted:
        return True
    try:
        kind = _content_type(ksr)
    except CannotRun:
        return False
    if kind is None or ";" not in kind:
        return kind is not None
    data = ksr.pv.get("$(rb{s.encode.base64})")  # it need not be UTF-8
    if not boundary_line(kind.encode()) or type(data) is not str:
        return False
    body = a2b_base64(data)
    built = mended(kind.encode(), body)
    return built is None or len(built) <= len(body) + _ROOM_FOR_DASHES


def may_have_parts(ksr: Any) -> bool:
    """Whether a function may be called that gives the message parts, or takes one: Kamailio then builds it as above."""
    global _converted  # noqa: PLW0603  # as in run
    before, _converted = _converted, int(ksr.pv.get("$mi"))
    if may_be_built(ksr):
        return True
    _converted = before
    return False


def _content_type(ksr: Any) -> str | None:
    """
    The body of the first one; None where there is none.

    Raises:
        CannotRun: It is not UTF-8.
    """
    try:
        kind = ksr.pv.get("$hdr(Content-Type)")
    except UnicodeDecodeError:
        kind = False
    if kind is False:  # as 6.0 says it
        raise CannotRun("its Content-Type is not UTF-8")
    return kind if type(kind) is str else None


def _exports() -> Exports:
    global _known  # noqa: PLW0603  # read once a process
    if _known is None:
        try:
            from . import exports  # noqa: PLC0415  # ctypes only where a script calls ModF

            _known = exports.Exports()
        except (ImportError, RunnerError) as error:
            _known = f"ModF is off: {error}"
    if isinstance(_known, str):
        raise CannotRun(_known)
    return _known


def is_tcp_off() -> bool:
    """Whether this Kamailio runs without TCP; True when that cannot be found out."""
    try:
        from . import exports  # noqa: PLC0415  # ctypes only where it is needed
    except ImportError:
        return True
    return exports.is_tcp_off()
