"""The vocabulary of one line: JSON-RPC 2.0 messages, built from prepared text and read into plain values.

Must not know states or turns; docs/protocol.md describes each message.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROTOCOL = 3
"""The version that ``ready`` must name."""

MAX_STRUCTURE = 128 * 1024
"""
Bytes of a line outside its texts. Reading a text of 8 MiB takes 15 ms; 8 MiB of ``[],`` take 380 ms and become 200 MB
of objects (measured). The bridge sends at most 65 KiB outside texts in one line (``HoldNoticesBytes``, twice).
"""

SCRIPT_THREW = -32000
SCRIPT_CANNOT_RUN = -32001
NO_SUCH_ENTRY = -32002
CALL_REFUSED = -32010

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode
quoted = encode_basestring_ascii
"""A text as JSON: the function that the encoder itself calls for a text. It leaves DEL unchanged."""
# One value and where it ends. json.loads also looks for white space before and after it, which takes as long again.
scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # not in typeshed


class NotAMessage(ValueError):
    """A line that is no JSON-RPC message. The text says what was expected and what came."""


def load_request(request_id: int, params: Mapping[str, Any]) -> bytes:
    """``load``; ``params`` as in docs/protocol.md."""
    return _line(f'"id":{request_id},"method":"load","params":{_encode(params)}')


EXEC = '{"jsonrpc":"2.0","id":%d,"method":"exec","params":{"generation":"%s"%s}}\n'
"""``exec``: id, generation, and whatever else travels with it."""

ENTRY = ',"entry":%s'
"""The method that runs instead of Main, ``quoted``."""

PARAM = ',"param":%s'
"""The one argument of Main or of the entry, ``quoted``."""

FRESH = ',"fresh":true'
"""Give the script's own assembly new statics first."""

AHEAD = ',"values":[%s],"certain":%d'
"""Values as JSON, separated by commas, and the edits that are certain as bits."""


def plan(known: Mapping[str, Any]) -> str:
    """The plan that the values belong to; it precedes them when the worker does not have it yet."""
    return f',"plan":{_encode(known)}'


AWAITED = '{"jsonrpc":"2.0","id":%d,"result":{"code":'
USED, EDITS, END, EXITED = ',"used":', ',"edits":', "}}\n", ',"exited":true}}\n'
"""
The result of an exec in the form in which the bridge nearly always writes it: id, two numbers, a list of pairs; and
whether the script ended the routing.
"""

PROFILED = ',"profile":true'
"""Asks for the time that the bridge needs, in nanoseconds: until Main, and in Main."""

TRACED = ',"trace":true'
"""Asks with each call where in the script it is made."""


def answer(question_id: int, result: str | int | None) -> bytes:
    """The answer to a question."""
    return _line(f'"id":{question_id},"result":{value(result)}')


def refusal(question_id: int, reason: str) -> bytes:
    """The answer that gives the script the call's error value."""
    return _line(f'"id":{question_id},"error":{{"code":{CALL_REFUSED},"message":{quoted(reason)}}}')


def parse(line: bytes | bytearray) -> list[dict[str, Any]]:
    """
    The messages of one line, without its end, in order.

    Raises:
        NotAMessage: The line is not a JSON object or a non-empty array of objects, or it is made of too many parts.
    """
    if len(line) > MAX_STRUCTURE and not _is_mostly_text(line):
        raise NotAMessage(f"expected at most {MAX_STRUCTURE} bytes outside of texts, got {shown(line)}")
    try:
        text = line.decode("ascii")
        found, end = scan(text, 0)
        if end != len(text):
            raise ValueError(f"expected its end at character {end}")  # noqa: TRY301 - as the decoder's own
    except StopIteration as error:
        raise NotAMessage(f"expected one line of JSON, got {shown(line)}: no value") from error
    except (ValueError, RecursionError) as error:
        raise NotAMessage(f"expected one line of JSON, got {shown(line)}: {error}") from error
    batch = found if isinstance(found, list) and found else [found]
    for message in batch:
        if not isinstance(message, dict):
            raise NotAMessage(f"expected a JSON-RPC message, got {shown(line)}")
    return batch


def shown(line: bytes | bytearray, limit: int = 80) -> str:
    """The beginning of a line, safe to print."""
    text = ascii(line[:limit].decode("latin-1"))
    return text + (f" ... ({len(line)} bytes)" if len(line) > limit else "")


def _is_mostly_text(line: bytes | bytearray) -> bool:
    """Whether a long line keeps to ``MAX_STRUCTURE``. Looked at before parsing, in a tenth of the time that takes."""
    bare = line.replace(b"\\\\", b"").replace(b'\\"', b"")
    if bare.count(b'"') > MAX_STRUCTURE:
        return False
    return sum(map(len, bare.split(b'"')[::2])) <= MAX_STRUCTURE


def value(result: str | int | None) -> str:
    """The result of a call as JSON. For anything but a text the encoder would build itself again."""
    if isinstance(result, str):
        return quoted(result)
    return "null" if result is None else "false" if result is False else f"{result:d}"


def _line(rest: str) -> bytes:
    # json escapes everything above 0x7F. DEL is ASCII, but nothing above 0x7E may be on the wire.
    if "\x7f" in rest:
        rest = rest.replace("\x7f", "\\u007f")
    return f'{{"jsonrpc":"2.0",{rest}}}\n'.encode("ascii")
