"""The vocabulary of one line: JSON-RPC 2.0 messages, built from prepared text and read into plain values.

Must not know states or turns; docs/protocol.md describes each message.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROTOCOL = 1
"""The version that ``ready`` must name."""

SCRIPT_THREW = -32000
SCRIPT_CANNOT_RUN = -32001
CALL_REFUSED = -32010

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode
_scan = json.JSONDecoder().raw_decode  # json.loads looks for white space before and behind, which costs as much again


class NotAMessage(ValueError):
    """A line that is no JSON-RPC message. The text says what was expected and what came."""


def load_request(request_id: int, params: Mapping[str, Any]) -> bytes:
    """``load``; ``params`` as in docs/protocol.md."""
    return b'{"jsonrpc":"2.0","id":%d,"method":"load","params":%s}\n' % (request_id, _text(params))


def exec_request(request_id: int, generation: str, param: str | None, *, fresh: bool, ahead: bytes = b"") -> bytes:
    """``exec``; ``param`` None gives Main no argument at all; ``ahead`` is what ``values_ahead`` gave."""
    return b'{"jsonrpc":"2.0","id":%d,"method":"exec","params":{"generation":%s,"args":%s,"fresh":%s%s}}\n' % (
        request_id,
        _text(generation),
        b"[]" if param is None else b"[%s]" % _text(param),
        b"true" if fresh else b"false",
        ahead,
    )


def values_ahead(plan: Mapping[str, Any] | None, values: Sequence[str | int | None], certain: int) -> bytes:
    """What an exec carries besides: a plan where the worker has not got it yet, its values, its certain edits."""
    told = b"" if plan is None else b',"plan":' + _text(plan)
    return b'%s,"values":[%s],"certain":%d' % (told, b",".join(map(_result, values)), certain)


PROFILED = b',"profile":true'
"""What an exec carries so that its result tells what the bridge spent, in nanoseconds: until Main, and in Main."""


def answer(question_id: int, result: str | int | None) -> bytes:
    """The answer to a question."""
    return b'{"jsonrpc":"2.0","id":%d,"result":%s}\n' % (question_id, _result(result))


def refusal(question_id: int, reason: str) -> bytes:
    """The answer that gives the script the call's error value."""
    return b'{"jsonrpc":"2.0","id":%d,"error":{"code":%d,"message":%s}}\n' % (question_id, CALL_REFUSED, _text(reason))


def messages(line: bytes) -> list[dict[str, Any]]:
    """
    The messages of one line, without its end, in order.

    Raises:
        NotAMessage: The line is not a JSON object or a non-empty array of objects.
    """
    try:
        text = line.decode("ascii")
        value, end = _scan(text)
        if end != len(text):
            raise ValueError(f"expected its end at character {end}")  # noqa: TRY301 - as the decoder's own
    except (ValueError, RecursionError) as error:
        raise NotAMessage(f"expected one line of JSON, got {shown(line)}: {error}") from error
    batch = value if isinstance(value, list) and value else [value]
    for message in batch:
        if not isinstance(message, dict):
            raise NotAMessage(f"expected a JSON-RPC message, got {shown(line)}")
    return batch


def shown(line: bytes, limit: int = 80) -> str:
    """The beginning of a line, safe to print."""
    text = ascii(line[:limit].decode("latin-1"))
    return text + (f" ... ({len(line)} bytes)" if len(line) > limit else "")


def _result(value: str | int | None) -> bytes:
    """What a call gives, or False. The encoder makes itself anew for whatever is no text, so that is written here."""
    if isinstance(value, str):
        return _text(value)
    return b"null" if value is None else b"false" if value is False else b"%d" % value


def _text(value: Any) -> bytes:
    # json escapes all above 0x7F; DEL is ASCII, but the wire's promise is nothing above 0x7E.
    text = _encode(value)
    if "\x7f" in text:
        text = text.replace("\x7f", "\\u007f")
    return text.encode("ascii")
