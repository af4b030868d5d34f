"""From and To: ``$fu``, ``$tU`` and the like. A write shows in the outgoing message, not in a read (pv_core.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.hosts.embedded.value import NULL, CannotEvaluate, Value
from runner.sip.uri import Scheme, Uri

from .registry import Access, Reader, Writer, register
from .request import text_or_null

if TYPE_CHECKING:
    from runner.hosts.embedded.context import Context
    from runner.sip.edits import Edits
    from runner.sip.message import Header
    from runner.sip.nameaddr import ToBody
    from runner.sip.uri import Uri


def _reader(key: bytes, part: str) -> Reader:
    def read(access: Access) -> Value:
        header, found = access.context.header(key), access.context.party(key)
        if header is None or found is None:
            return NULL
        if part == "uri":
            return Value.piece(access.context.message.data, header.body_start + found.uri_start, len(found.uri))
        return _party_part(access.context, found, part)

    return read


def _party_part(context: Context, found: ToBody, part: str) -> Value:
    """pv_core.c, pv_get_xto_attr."""
    match part:
        case "tag":
            return text_or_null(found.tag)
        case "display":
            return text_or_null(found.display)
    uri = context.uri(found.uri)
    if uri is None:
        return NULL
    if part == "length":
        return Value.integer(len(uri.user))
    return text_or_null(uri.user if part == "user" else uri.host)


def _writer(key: bytes, part: str) -> Writer:
    def write(access: Access, value: Value) -> None:
        header, found = access.context.header(key), access.context.party(key)
        uri = None if found is None else access.context.uri(found.uri)
        if header is None or found is None or uri is None:
            raise CannotEvaluate("the header does not parse")
        if value.text is None and not value.is_null:
            raise CannotEvaluate("the part needs a text")
        is_6 = access.context.environment.is_6
        _Target(access.context.edits, header, found, uri, encloses=is_6).write(part, value.text)

    return write


@dataclass(frozen=True, slots=True)
class _Target:
    """
    A header whose address is edited, with the address taken apart.

    ``encloses``: a URI gets its angle brackets when a display name comes in front of it, as in 6.0.
    """

    edits: Edits
    header: Header
    found: ToBody
    uri: Uri
    encloses: bool

    @property
    def uri_start(self) -> int:
        """Offset of the URI in the message."""
        return self.header.body_start + self.found.uri_start

    def write(self, part: str, text: bytes | None) -> None:
        """pv_core.c, pv_set_xto_attr; None removes, which does nothing to a URI or a domain."""
        match part:
            case "user":
                self._write_user(text)
            case "display":
                self._write_display(text)
            case "uri" if text is not None:
                self.edits.replace(self.uri_start, len(self.found.uri), text)
            case "domain" if text is not None and self.uri.host:
                self.edits.replace(self.uri_start + self._host_offset(), len(self.uri.host), text)

    def _host_offset(self) -> int:
        uri = self.uri
        return self.found.uri.index(uri.host, len(uri.written.value) + 1 + len(uri.user) + len(uri.password or b""))

    def _user_offset(self) -> int:
        """Behind the scheme; of a TEL URI behind an ``@``, where a SIP URI has its host."""
        at = self.found.uri.find(b"@" + self.uri.user) if self.uri.written is Scheme.TEL else -1
        return len(self.uri.written.value) + 1 if at < 0 else at + 1

    def _write_user(self, text: bytes | None) -> None:
        start = self._user_offset()
        if not self.uri.user:
            if text is not None:
                self.edits.insert(self.uri_start + self._host_offset(), text + b"@")
            return
        end = start + len(self.uri.user)
        if text is None and self.found.uri[end : end + 1] == b"@":
            end += 1
        self.edits.replace(self.uri_start + start, end - start, text or b"")

    def _write_display(self, text: bytes | None) -> None:
        length = len(self.found.display)
        if not length:
            if text is not None:
                self.edits.insert(self.header.body_start, text + b" ")
                if self.encloses and self.header.body[:1] != b"<":
                    self.edits.replace(self.uri_start, len(self.found.uri), b"<" + self.found.uri + b">")
            return
        if text is None and self.header.body[length : length + 1] == b" ":
            length += 1
        self.edits.replace(self.header.body_start, length, text or b"")


for _letter, _key, _word in (("f", b"from", "From"), ("t", b"to", "To")):
    _source = f"pv: pv_core.c, pv_get_{_word.lower()}_attr"
    register(
        f"{_letter}u {_word.lower()}",
        f"URI of the {_word} header.",
        _source,
        _reader(_key, "uri"),
        _writer(_key, "uri"),
    )
    register(
        f"{_letter}U {_word.lower()}.user",
        f"User of the {_word} URI; null for none.",
        _source,
        _reader(_key, "user"),
        _writer(_key, "user"),
    )
    register(
        f"{_letter}d {_word.lower()}.domain",
        f"Host of the {_word} URI.",
        _source,
        _reader(_key, "domain"),
        _writer(_key, "domain"),
    )
    register(
        f"{_letter}n",
        f"Display name of the {_word} header, quotes included; null for none.",
        _source,
        _reader(_key, "display"),
        _writer(_key, "display"),
    )
    register(f"{_letter}t", f"Tag of the {_word} header; null for none.", _source, _reader(_key, "tag"))
    # $tUl has a setter, the user's, in 5.6 (pv.c, mod_pvs); $fUl has none.
    register(
        f"{_letter}Ul",
        f"Length of the {_word} URI's user.",
        _source,
        _reader(_key, "length"),
        _writer(_key, "user") if _letter == "t" else None,
    )
