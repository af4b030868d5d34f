"""
KEMI's functions that reply, of modules sl and siputils: replies where there is no transaction.

Facts: modules/sl/sl.c and sl_funcs.c; 6.0 sends no error behind a final reply.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import CallRefused

from .ksr_function import FALSE, TRUE, Function
from .modf import FUNCTIONS as MODULE_FUNCTIONS

if TYPE_CHECKING:
    from .host import MessageHost

_FORBIDDEN = -2


def _sl_send_reply(host: MessageHost, code: int, reason: str) -> int:
    """sl_funcs.c, sl_send_reply_str: to a reply, too."""
    method = host.context.message.first_line.method.upper()
    if host.context.is_reply_forbidden and method != b"ACK":
        return _FORBIDDEN
    return TRUE if host.answer(code, reason) else FALSE


def _send_reply(host: MessageHost, code: int, reason: str, _mode: int = 0) -> int:
    """sl.c, send_reply: what it says of connections changes no datagram."""
    if host.context.is_reply_forbidden:
        return _FORBIDDEN
    return FALSE if host.context.message.first_line.is_reply else _sl_send_reply(host, code, reason)


def _sl_forward_reply(host: MessageHost, _code: str, _reason: str) -> int:
    value = MODULE_FUNCTIONS["sl_forward_reply"](host.context)
    if value is None:
        raise CallRefused("KSR.sl.sl_forward_reply needs a running Kamailio: app-mono exec --in-kamailio")
    return value


FUNCTIONS: dict[str, Function] = {
    "sl.send_reply": Function("is", _send_reply),
    "sl.send_reply_mode": Function("isi", _send_reply),
    "sl.sl_send_reply": Function("is", _sl_send_reply),
    "sl.sl_forward_reply": Function("ss", _sl_forward_reply),
    "sl.sl_reply_error": Function("", lambda host: host.reply_error()),
    "siputils.options_reply": Function("", lambda host: host.options_reply(host.context)),
    "sl.send_reply_error": Function("", lambda host: host.reply_error(), since_6=True),
}
"""Every function offered."""
