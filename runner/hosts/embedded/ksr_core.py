"""
KEMI's functions of Kamailio's core: what is this server itself, where a message goes, and how it leaves.

Facts: core/kemi.c, core/dset.c, the same in 5.6.3 and 6.0.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import CallRefused
from runner.sip.ip import ip_version
from runner.sip.methods import METHOD_OTHER, METHODS, method_number
from runner.sip.via import vias

from .context import PROTOCOL_NUMBERS, bracketed
from .ksr_function import Function, with_bytes
from .routing import is_myself

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.sip.uri import Uri
    from runner.sip.via import Via

    from .context import Branch, Context
    from .host import MessageHost
    from .ksr_function import Call

_MOST_FLAG = 31
_LONGEST_METHODS = 126  # SR_KEMI_HNAME_SIZE less 2
_LONGEST_ADDRESS, _LONGEST_PORT = 127, 7  # SR_ADV_ADDR_SIZE, SR_ADV_PORT_SIZE
_LETTERS = {"E": "tls", "S": "sctp", "T": "tcp", "U": "udp", "V": "ws", "W": "wss"}


def _is_method(context: Context, wanted: bytes) -> bool:
    """One method, or several with bars between, which then are all of those that Kamailio knows."""
    method = context.message.method
    if b"|" not in wanted or method_number(method) == METHOD_OTHER:
        return bool(wanted) and method.upper() == wanted.upper()
    # core/parser/parse_methods.c: nothing may stand behind the last bar.
    names = [name.strip(b" \t\r\n") for name in wanted.rstrip(b" \t\r\n").removesuffix(b"|").split(b"|")]
    if len(wanted) > _LONGEST_METHODS or not all(name.upper() in METHODS for name in names):
        return False
    return method.upper() in {name.upper() for name in names}


def _is_protocol_in(context: Context, letters: bytes) -> bool:
    return any(_LETTERS.get(letter) == context.source.proto for letter in letters.decode("latin-1").upper())


def _is_uri_myself(uri: Callable[[Context], bytes | None]) -> Call:
    def ask(host: MessageHost) -> bool:
        found = uri(host.context)
        return found is not None and is_myself(host.context, found)

    return ask


def _request_uri(context: Context) -> bytes | None:
    return None if context.message.first_line.is_reply else context.request_uri


def _party(key: bytes) -> Callable[[Context], bytes | None]:
    def uri(context: Context) -> bytes | None:
        found = context.party(key)
        return None if found is None else found.uri

    return uri


def _source_uri(context: Context) -> bytes:
    """core/parser/msg_parser.c, get_src_uri: UDP is not named."""
    source = context.source
    transport = "" if source.proto == "udp" else f";transport={source.proto}"
    return f"sip:{bracketed(source.ip)}:{source.port}{transport}".encode()


def _answered_by(context: Context) -> Via | None:
    """Where a reply goes: the second Via."""
    found = vias(context.message)
    return found[1] if len(found) > 1 else None


def _next_hop(context: Context) -> Uri | None:
    return context.uri(context.dst_uri or context.request_uri or context.message.first_line.uri)


def _protocol(context: Context) -> int:
    """By which the message goes on, 0 for the default; -1 when that cannot be told (sr_kemi_core_to_proto_helper)."""
    if context.message.first_line.is_reply:
        via = _answered_by(context)
        return -1 if via is None else via.protocol_number
    uri = _next_hop(context)
    return -1 if uri is None else int(uri.proto)


def _goes_by(*names: str) -> Call:
    numbers = {PROTOCOL_NUMBERS[name] for name in names}
    return lambda host: _protocol(host.context) in numbers


def _goes_to(version: int) -> Call:
    def ask(host: MessageHost) -> bool:
        context = host.context
        if context.message.first_line.is_reply:
            via = _answered_by(context)
            received = None if via is None else via.param(b"received")
            name = b"" if via is None else via.host if received is None else received.value or b""
        else:
            uri = _next_hop(context)
            name = b"" if uri is None else uri.host
        return ip_version(name) == version

    return ask


def _is_of(version: int) -> Call:
    return lambda host: ip_version(host.context.socket.address.ip.encode()) == version


def _flags_of(context: Context, branch: int) -> Context | Branch | None:
    """Whose flags are those of a branch; 0 is the R-URI."""
    if branch == 0:
        return context
    return context.branches[branch - 1] if 0 < branch <= len(context.branches) else None


def _branch_flag(*, is_set: bool) -> Call:
    def write(host: MessageHost, flag: int, branch: int = 0) -> bool:
        if not 0 <= flag <= _MOST_FLAG:
            return False
        owner = _flags_of(host.context, branch)
        name = "branch_flags" if branch == 0 else "flags"
        if owner is not None:
            flags = getattr(owner, name)
            setattr(owner, name, flags | 1 << flag if is_set else flags & ~(1 << flag))
        return True  # for a branch that there is not, too

    return write


def _has_branch_flag(host: MessageHost, flag: int, branch: int = 0) -> bool:
    owner = _flags_of(host.context, branch)
    if owner is None or not 0 <= flag <= _MOST_FLAG:
        return False
    return bool(getattr(owner, "branch_flags" if branch == 0 else "flags") >> flag & 1)


def _advertise(attribute: str, longest: int) -> Call:
    def write(context: Context, text: bytes) -> int:
        if len(text) > longest:
            return 0
        setattr(context, attribute, text)
        return 1

    return with_bytes(write)


def _asks_for(attribute: str) -> Call:
    def write(host: MessageHost) -> bool:
        setattr(host.context, attribute, True)
        return True

    return write


def _of_connections(host: MessageHost, *_: int) -> bool:
    """What matters to connections only: a message that came by UDP has none."""
    if host.context.source.proto != "udp":
        raise CallRefused("there is no connection without a running Kamailio: app-mono exec --in-kamailio")
    return True


FUNCTIONS: dict[str, Function] = {
    "is_method": Function("s", with_bytes(_is_method)),
    "is_proto": Function("s", with_bytes(_is_protocol_in)),
    "is_WSX": Function("", lambda host: host.context.source.proto in {"ws", "wss"}),
    "is_IPv4": Function("", _is_of(4)),
    "is_IPv6": Function("", _is_of(6)),
    "is_myself": Function("s", with_bytes(is_myself)),
    "is_myself_duri": Function("", _is_uri_myself(lambda context: context.dst_uri)),
    "is_myself_furi": Function("", _is_uri_myself(_party(b"from"))),
    "is_myself_nhuri": Function("", _is_uri_myself(lambda context: context.dst_uri or _request_uri(context))),
    "is_myself_ruri": Function("", _is_uri_myself(_request_uri)),
    "is_myself_srcip": Function("", _is_uri_myself(lambda context: context.source.ip.encode())),
    "is_myself_suri": Function("", _is_uri_myself(_source_uri)),
    "is_myself_turi": Function("", _is_uri_myself(_party(b"to"))),
    **{f"to_{name}": Function("", _goes_by(name.lower())) for name in ("UDP", "TCP", "TLS", "SCTP", "WS", "WSS")},
    "to_WSX": Function("", _goes_by("ws", "wss")),
    "to_IPv4": Function("", _goes_to(4)),
    "to_IPv6": Function("", _goes_to(6)),
    **{f"set{kind}flag": Function(parameters, _branch_flag(is_set=True))
       for kind, parameters in (("b", "i"), ("bi", "ii"))},
    **{f"reset{kind}flag": Function(parameters, _branch_flag(is_set=False))
       for kind, parameters in (("b", "i"), ("bi", "ii"))},
    "isbflagset": Function("i", _has_branch_flag),
    "isbiflagset": Function("ii", _has_branch_flag),
    "force_rport": Function("", _asks_for("forces_rport")),
    "add_local_rport": Function("", _asks_for("adds_rport")),
    **{name: Function("", _of_connections)
       for name in ("set_forward_close", "set_forward_no_connect", "set_reply_close", "set_reply_no_connect")},
    "add_tcp_alias": Function("i", lambda host, port: int(_of_connections(host, port))),
    "add_tcp_alias_via": Function("", lambda host: int(_of_connections(host))),
    "set_advertised_address": Function("s", _advertise("advertised_address", _LONGEST_ADDRESS)),
    "set_advertised_port": Function("s", _advertise("advertised_port", _LONGEST_PORT)),
}  # fmt: skip
"""Every function offered."""
