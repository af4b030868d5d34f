"""
The functions of module kemix that give what a pseudo-variable has, or a setting of the server.

Facts: modules/kemix/kemix_mod.c, the same in 5.6.3 and 6.0.1. What is not there is empty where kemix says so.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runner.sip.scan import str2sint, wrap

from .ksr_function import Function, with_bytes

if TYPE_CHECKING:
    from .context import Context
    from .host import MessageHost
    from .ksr_function import Call

_NULL = "<null>"
_NO_STATUS = -1


def _text(name: str, default: str | None = None) -> Call:
    def get(host: MessageHost) -> str | None:
        value = host.get_s(name)
        return default if value is None else value

    return get


def _number(name: str) -> Call:
    return lambda host: host.get_i(name)


def _body(default: str | None = None) -> Call:
    def get(host: MessageHost) -> str | None:
        body = host.get_s("$rb")
        return body or default

    return get


def _body_length(context: Context) -> int:
    """Of what is there, not what Content-Length says."""
    message = context.message
    return 0 if message.broken_at is not None else len(message.body or b"")


def _contact(default: str | None = None) -> Call:
    def get(host: MessageHost) -> str | None:
        """Of the first address of the first Contact, where every Contact parses."""
        context = host.context
        headers = context.message.all_headers(b"contact") if context.message.broken_at is None else []
        lists = [context.contacts(header.body) for header in headers]
        if not lists or None in lists or not lists[0] or not lists[0][0].uri:
            return default
        return to_text(lists[0][0].uri)

    return get


def _next_hop(host: MessageHost) -> str | None:
    return host.get_s("$du") or host.get_s("$ru")


def _original_uri(host: MessageHost) -> str | None:
    """That of the message, where the present one parses."""
    return None if host.get_s("$ru") is None else to_text(host.context.message.first_line.uri)


def _status(host: MessageHost) -> int:
    line = host.context.message.first_line
    return int(line.status) if line.is_reply else _NO_STATUS


def to_text(data: bytes) -> str:
    """Bytes of the message as text of a script (PEP 383)."""
    return data.decode("utf-8", "surrogateescape")


def _defined(host: MessageHost, name: str) -> str:
    return host.context.environment.defines.get(name, "")


def _defined_number(host: MessageHost, name: str) -> int:
    return _as_number(_defined(host, name))


def _variable(host: MessageHost, name: str) -> str:
    return host.context.environment.variables.get(name, "")


def _variable_number(host: MessageHost, name: str) -> int:
    return _as_number(_variable(host, name))


def _as_number(text: str) -> int:
    return str2sint(text.encode("utf-8", "surrogateescape")) or 0


def _with_defaults(name: str, get: dict[str, Call]) -> dict[str, Function]:
    return {f"kx.get{form}_{name}": Function("", call) for form, call in get.items()}


FUNCTIONS: dict[str, Function] = {
    **_with_defaults("au", {"": _text("$au"), "e": _text("$au", ""), "w": _text("$au", _NULL)}),
    **_with_defaults("body", {"": _body(), "e": _body(""), "w": _body(_NULL)}),
    **_with_defaults("cturi", {"": _contact(), "e": _contact(""), "w": _contact(_NULL)}),
    "kx.get_callid": Function("", _text("$ci", "")),
    "kx.get_bodylen": Function("", with_bytes(_body_length)),
    "kx.get_def": Function("s", _defined),
    "kx.get_defn": Function("s", _defined_number),
    "kx.get_env": Function("s", _variable),
    "kx.get_envn": Function("s", _variable_number),
    "kx.get_msgbuf": Function("", _text("$mb")),
    "kx.get_msglen": Function("", _number("$ml")),
    "kx.get_msgtype": Function("", _number("$mt")),
    "kx.get_nhuri": Function("", _next_hop),
    "kx.get_ouri": Function("", _original_uri),
    "kx.get_proto": Function("", lambda host: host.context.source.proto),
    "kx.get_protoid": Function("", _number("$prid")),
    "kx.get_rcv_sock_name": Function("", _text("$Rn")),
    "kx.get_rcvaddr_sock": Function("", _text("$Ras")),
    "kx.get_rcvadvip": Function("", _text("$RAi")),
    "kx.get_rcvadvport": Function("", _number("$RAp")),
    "kx.get_send_sock": Function("", _text("$fs")),
    "kx.get_send_sock_name": Function("", _text("$fsn")),
    "kx.get_send_sock_port": Function("", _number("$fsp")),
    "kx.get_srcaddr_sock": Function("", _text("$sas")),
    "kx.get_srcuri": Function("", _text("$su")),
    "kx.get_status": Function("", _status),
    "kx.get_timestamp": Function("", lambda _host: wrap(int(time.time()))),
    "kx.gets_status": Function("", _text("$rs")),
    "kx.ifdef": Function("s", lambda host, name: name in host.context.environment.defines),
    "kx.ifndef": Function("s", lambda host, name: name not in host.context.environment.defines),
}
"""Of kemix, what needs no connection."""
