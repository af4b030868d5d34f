"""The line of the common turn, written and read piece by piece instead of as a tree of JSON.

Nearly every turn is one line that starts an exec, and one that gives its result or asks a question, in the very words
that the two sides write. Read as what it nearly always is, such a line takes a third of the time of a JSON reader and a
walk through its tree; in a process of Kamailio, whose own work has emptied the caches, more than that. Anything that is
not word for word the common line is None here, and read by ``Session`` as what it is: tests/wire/test_common_turn.py
holds the two ways against each other. bridge/ExecRequest.cs is the same for the other side.

Pure functions. Must not know states.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from runner.calls import CALLS

from .events import Done, Question
from .messages import AWAITED, EDITS, END, ENTRY, EXEC, EXITED, FRESH, PARAM, USED, quoted, scan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MEMBERS = 4  # of a question, where nobody asked for its place

# What reading a line may raise that is not the common one.
NOT_COMMON = (ValueError, LookupError, TypeError, RecursionError, StopIteration)

# A NamedTuple's own constructor is one more call of Python.
_done: Callable[[tuple[Any, ...]], Done] = partial(tuple.__new__, Done)


def exec_line(
    request_id: int, generation: str, param: str | None, ahead: str, *, fresh: bool, entry: str | None = None
) -> tuple[bytes, str]:
    """
    The line that starts an exec, and how its result begins, for ``read``.

    Args:
        request_id: The number that its result will have.
        generation: The id of the build.
        param: The one argument of Main or of the entry; None gives none at all.
        ahead: What else travels with it: as ``Plan.ahead`` writes it, or empty.
        fresh: Whether the script's own assembly gets new statics first.
        entry: What runs; None is Main.
    """
    if fresh:
        ahead = FRESH + ahead
    if param is not None:
        ahead = PARAM % quoted(param) + ahead
    if entry is not None:
        ahead = ENTRY % quoted(entry) + ahead
    text = EXEC % (request_id, generation, ahead)
    return (text if "\x7f" not in text else text.replace("\x7f", "\\u007f")).encode(), AWAITED % request_id


def beginning(request_id: int) -> str:
    """How the result of the exec with this number begins: as ``exec_line`` says it."""
    return AWAITED % request_id


def read(data: bytes, awaited: str, certain: int, takes: Sequence[type]) -> Done | tuple[int, Question] | None:
    """
    The result of the exec under way, or its question and that one's number; None when these bytes are anything else.

    Args:
        data: All that came.
        awaited: ``beginning`` of the exec's request.
        certain: The edits that may come without being asked for, as bits.
        takes: The type of value that each edit takes, by its number.
    """
    try:
        text = data.decode("ascii")
        if text.startswith(awaited):
            code, at = scan(text, len(awaited))
            used, at = scan(text, text.index(USED, at, at + len(USED)) + len(USED))
            edits, at = scan(text, text.index(EDITS, at, at + len(EDITS)) + len(EDITS))
            if type(code) is not int or type(used) is not int or used < 0 or type(edits) is not list:
                return None
            for edit, value in edits:
                if type(edit) is not int or not certain >> edit & 1 or type(value) is not takes[edit]:
                    return None
            rest = text[at:]
            if rest != END:
                return _done((code, used, (), "", edits, True)) if rest == EXITED else None
            return _done((code, used, (), "", edits, False))
        message, end = scan(text, 0)
        number, call, args = message["id"], CALLS[message["method"]], message["params"]
        is_call = type(args) is list and call.takes(args) and not call.is_notice
        if (
            is_call
            and len(message) == MEMBERS
            and type(number) is int
            and message["jsonrpc"] == "2.0"
            and text[end:] == "\n"
        ):
            return number, Question(call.name, tuple(args))
    except NOT_COMMON:
        pass
    return None
