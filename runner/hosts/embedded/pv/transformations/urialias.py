"""``{urialias.*}``: a URI as host~port~proto, the form of the alias parameter. A null or empty value fails."""

from __future__ import annotations

from runner.hosts.embedded.pv.transform import MAX_RESULT_BYTES, Input, register
from runner.hosts.embedded.value import Value
from runner.sip.uri import Proto

_SOURCE = "modules/pv/pv_trans.c, tr_eval_urialias; core/dset.c"
_PROTO_NAMES = {2: b"tcp", 3: b"tls", 4: b"sctp", 5: b"ws", 6: b"ws"}
_DECODE_OVERHEAD = 24


@register("urialias.encode", "host~port~proto of a URI; empty for what is no URI", _SOURCE)
def _encode(given: Input) -> Value:
    uri = given.uri(given.needs_text())
    if uri is None:
        return Value(b"")
    port = uri.port or (b"5061" if uri.proto is Proto.TLS else b"5060")
    return Value(b"%s~%s~%d" % (uri.host, port, uri.proto or Proto.UDP))


@register("urialias.decode", "the URI of host~port~proto", _SOURCE)
def _decode(given: Input) -> Value:
    text = given.needs_text()
    if len(text) + _DECODE_OVERHEAD > MAX_RESULT_BYTES:
        return Value(b"")
    fields = text.partition(b"\0")[0].split(b"~", 2)
    head = b"sip:" + b":".join(fields[:2])
    if len(fields) <= 2:  # noqa: PLR2004 - two "~" make three fields
        # Without a protocol, Kamailio keeps the length of the whole buffer, whose content is arbitrary.
        return Value(head.ljust(MAX_RESULT_BYTES + 1, b"\0"))
    if not fields[2]:
        return Value(b"")
    number = fields[2][0] - b"0"[0]
    if number in {Proto.NONE, Proto.UDP}:
        return Value(head)
    name = _PROTO_NAMES.get(number)
    return Value(b"" if name is None else head + b";transport=" + name)
