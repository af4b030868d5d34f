"""
KEMI's functions of modules corex and tmx that need no server: branches, more flags, sockets, kinds of routes.

Facts: modules/corex/corex_mod.c and corex_lib.c, core/socket_info.c, core/qvalue.c, modules/tmx/tmx_mod.c, the same in
5.6.3 and 6.0.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .context import Branch, Socket
from .ksr_function import FALSE, TRUE, Function, with_bytes
from .routing import append_branch, find_socket

if TYPE_CHECKING:
    from .context import Context
    from .ksr_function import Call

_MOST_FLAG = 63
_Q = re.compile(rb"[ \t]*(?:0*1(?:\.0+)?|0+(?:\.([0-9]+))?|\.([0-9]+))")


def _append_branch(context: Context, uri: bytes, q: bytes = b"") -> int:
    """corex_append_branch: without a URI the R-URI, which then loses what it gave the branch."""
    found = _Q.fullmatch(q)
    if q and found is None:
        return FALSE
    digits = None if found is None else found[1] or found[2]
    weight = None if found is None else int(digits[:3].ljust(3, b"0")) if digits else 1000 if b"1" in q else 0
    socket = context.force_socket
    sent_by = socket.text.encode() if socket else None
    branch = Branch(uri or context.request_uri, context.dst_uri, context.path, weight, sent_by, context.branch_flags)
    try:
        append_branch(context, branch)
    finally:
        if not uri:
            context.force_socket = context.dst_uri = context.path = None
            context.branch_flags = 0
    return TRUE


def _flag(*, is_set: bool) -> Call:
    def write(context: Context, flag: int) -> int:
        if not 0 <= flag <= _MOST_FLAG:
            return FALSE
        context.more_flags = context.more_flags | 1 << flag if is_set else context.more_flags & ~(1 << flag)
        return TRUE

    return with_bytes(write)


def _has_flag(context: Context, flag: int) -> int:
    return TRUE if 0 <= flag <= _MOST_FLAG and context.more_flags >> flag & 1 else FALSE


def _has_user(context: Context) -> int:
    uri = context.uri(context.request_uri) if context.message.first_line.is_request else None
    return TRUE if uri is not None and uri.user else FALSE


def _has_user_agent(context: Context) -> int:
    header = context.header(b"user-agent")
    return TRUE if header is not None and header.body else FALSE


def _named(context: Context, name: bytes) -> Socket | None:
    sockets = (socket for socket in context.environment.sockets if socket.name)
    return next((socket for socket in sockets if socket.name.encode().lower() == name.lower()), None)


def _send_by(context: Context, socket: Socket | None) -> int:
    context.force_socket = socket or context.force_socket
    return TRUE


def _set_send_socket(context: Context, text: bytes) -> int:
    if not text:
        context.force_socket = None
        return TRUE
    return _send_by(context, find_socket(context, text))


def _set_send_socket_name(context: Context, name: bytes) -> int:
    if not name:
        context.force_socket = None
        return TRUE
    return _send_by(context, _named(context, name))


def _add_server_id(context: Context, number: int) -> int:
    context.adds_server_id = bool(number)
    return TRUE


FUNCTIONS: dict[str, Function] = {
    "corex.append_branch_uri": Function("s", with_bytes(_append_branch)),
    "corex.append_branch_uri_q": Function("ss", with_bytes(_append_branch)),
    "corex.setxflag": Function("i", _flag(is_set=True)),
    "corex.resetxflag": Function("i", _flag(is_set=False)),
    "corex.isxflagset": Function("i", with_bytes(_has_flag)),
    "corex.has_ruri_user": Function("", with_bytes(_has_user)),
    "corex.has_user_agent": Function("", with_bytes(_has_user_agent)),
    "corex.is_socket_name": Function("s", with_bytes(lambda context, name: TRUE if _named(context, name) else FALSE)),
    "corex.set_send_socket": Function("s", with_bytes(_set_send_socket)),
    "corex.set_send_socket_name": Function("s", with_bytes(_set_send_socket_name)),
    "corex.via_add_srvid": Function("i", with_bytes(_add_server_id)),
    "tmx.t_is_branch_route": Function("", lambda _: FALSE),
    "tmx.t_is_failure_route": Function("", lambda _: FALSE),
}
"""Every function offered; the entry that runs is the one of a request, or of a reply."""
