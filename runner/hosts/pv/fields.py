"""Single headers with a variable of their own: ``$ci``, ``$cs``, ``$ct``, ``$ua``, the body (pv_core.c)."""

from __future__ import annotations

from runner.hosts.pv.registry import Access, Reader, register
from runner.hosts.pv.request import cseq, text_or_null
from runner.hosts.pv.uris import party
from runner.hosts.pv.value import NULL, Value


def _body_of(key: bytes, *, empty_is_null: bool = False) -> Reader:
    def read(access: Access) -> Value:
        header = access.context.header(key)
        if header is None:
            return NULL
        return text_or_null(header.body) if empty_is_null else Value(header.body)

    return read


def _uri_of(key: bytes) -> Reader:
    def read(access: Access) -> Value:
        header = access.context.header(key)
        found = None if header is None else party(header.body)
        return NULL if found is None else Value(found.uri)

    return read


def _cseq_number(access: Access) -> Value:
    return text_or_null(cseq(access.context)[0])


def _content_length(access: Access) -> Value:
    header = access.context.header(b"content-length")
    if header is None:
        return NULL
    digits = header.body[: len(header.body) - len(header.body.lstrip(b"0123456789"))]
    return Value(header.body, int(digits or b"0"), is_integer=True)


def _body(access: Access) -> Value:
    body = access.context.message.body
    return NULL if body is None or access.context.message.broken_at is not None else Value(body)


def _body_size(access: Access) -> Value:
    return Value.integer(len(_body(access).text or b""))


def _buffer(access: Access) -> Value:
    return Value(access.context.message.data)


def _length(access: Access) -> Value:
    return Value.integer(len(access.context.message.data))


register("ci", "Call-ID.", "pv: pv_core.c, pv_get_callid", _body_of(b"call-id"))
register("cs", "Number of the CSeq; text.", "pv: pv_core.c, pv_get_cseq", _cseq_number)
register("csb", "Body of the CSeq.", "pv: pv_core.c, pv_get_cseq_body", _body_of(b"cseq"))
register("ct", "Body of the first Contact.", "pv: pv_core.c, pv_get_contact", _body_of(b"contact", empty_is_null=True))
register("cT", "Content-Type.", "pv: pv_core.c, pv_get_content_type", _body_of(b"content-type"))
register("cl", "Content-Length.", "pv: pv_core.c, pv_get_content_length", _content_length)
register("ua", "User-Agent.", "pv: pv_core.c, pv_get_useragent", _body_of(b"user-agent"))
register("rt", "URI of the Refer-To.", "pv: pv_core.c, pv_get_refer_to", _uri_of(b"refer-to"))
register("re", "URI of the Remote-Party-ID.", "pv: pv_core.c, pv_get_rpid", _uri_of(b"remote-party-id"))
register("rb", "Body of the message; null without one.", "pv: pv_core.c, pv_get_msg_body", _body)
register("bs", "Length of the body.", "pv: pv_core.c, pv_get_body_size", _body_size)
register("mb", "The message as received.", "pv: pv_core.c, pv_get_msg_buf", _buffer)
register("ml", "Length of the message.", "pv: pv_core.c, pv_get_msg_len", _length)
