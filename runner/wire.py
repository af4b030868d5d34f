"""The vocabulary of one line: JSON-RPC 2.0 messages, built from prepared text and read into plain values.

Must not know states or turns; docs/protocol.md describes each message.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PROTOCOL = 1
"""The version that ``ready`` must name."""

SCRIPT_THREW = -32000
SCRIPT_CANNOT_RUN = -32001
CALL_REFUSED = -32010

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode
_quoted = encode_basestring_ascii  # what the encoder uses for a text, without the way to it
# json.loads looks for white space before and behind the value, which costs as much again.
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # not in typeshed


class NotAMessage(ValueError):
    """A line that is no JSON-RPC message. The text says what was expected and what came."""


def load_request(request_id: int, params: Mapping[str, Any]) -> bytes:
    """``load``; ``params`` as in docs/protocol.md."""
    return _line(f'"id":{request_id},"method":"load","params":{_encode(params)}')


def exec_request(request_id: int, generation: str, param: str | None, *, fresh: bool, ahead: str = "") -> bytes:
    """``exec``; ``param`` None gives Main no argument at all; ``ahead`` is what ``values_ahead`` gave."""
    args = "" if param is None else _quoted(param)
    line = (
        f'{{"jsonrpc":"2.0","id":{request_id},"method":"exec","params":{{"generation":{_quoted(generation)},'
        f'"args":[{args}],"fresh":{"true" if fresh else "false"}{ahead}}}}}\n'
    )
    return (line if "\x7f" not in line else line.replace("\x7f", "\\u007f")).encode("ascii")


def values_ahead(plan: Mapping[str, Any] | None, values: Sequence[str | int | None], certain: int) -> str:
    """What an exec carries besides: a plan where the worker has not got it yet, its values, its certain edits."""
    told = "" if plan is None else f',"plan":{_encode(plan)}'
    shown = ",".join([_quoted(value) if type(value) is str else _result(value) for value in values])
    return f'{told},"values":[{shown}],"certain":{certain}'


PROFILED = ',"profile":true'
"""What an exec carries so that its result tells what the bridge spent, in nanoseconds: until Main, and in Main."""


def answer(question_id: int, result: str | int | None) -> bytes:
    """The answer to a question."""
    return _line(f'"id":{question_id},"result":{_result(result)}')


def refusal(question_id: int, reason: str) -> bytes:
    """The answer that gives the script the call's error value."""
    return _line(f'"id":{question_id},"error":{{"code":{CALL_REFUSED},"message":{_quoted(reason)}}}')


def messages(line: bytes) -> list[dict[str, Any]]:
    """
    The messages of one line, without its end, in order.

    Raises:
        NotAMessage: The line is not a JSON object or a non-empty array of objects.
    """
    try:
        text = line.decode("ascii")
        value, end = _scan(text, 0)
        if end != len(text):
            raise ValueError(f"expected its end at character {end}")  # noqa: TRY301 - as the decoder's own
    except StopIteration as error:
        raise NotAMessage(f"expected one line of JSON, got {shown(line)}: no value") from error
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


def _result(value: str | int | None) -> str:
    """What a call gives, or False. The encoder makes itself anew for whatever is no text, so that is written here."""
    if isinstance(value, str):
        return _quoted(value)
    return "null" if value is None else "false" if value is False else f"{value:d}"


def _line(rest: str) -> bytes:
    # json escapes all above 0x7F; DEL is ASCII, but the wire's promise is nothing above 0x7E.
    if "\x7f" in rest:
        rest = rest.replace("\x7f", "\\u007f")
    return f'{{"jsonrpc":"2.0",{rest}}}\n'.encode("ascii")
