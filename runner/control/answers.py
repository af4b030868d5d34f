"""What a daemon says to a client, looked at before anything of it is used.

A client is a process of Kamailio: whoever serves the socket must not be able to end it, or let it hang, with an answer
of another shape. Standard library only; docs/protocol.md has the shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .connection import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_ID = 64
STAMP_NUMBERS = 5
WORDS_OF_A_PART, PARTS_OF_A_SCRIPT, PARTS_OF_A_HELPER, PARTS_OF_A_REFUSAL = 2, 3, 2, 3
MAX_REFUSED = 4096  # messages that one answer may tell of


def hello(answer: dict[str, Any]) -> dict[str, Any]:
    """
    The answer to ``hello``, unchanged.

    Raises:
        ControlError: It is of another shape; the same in ``refused``, ``lease`` and ``helper``.
    """
    refused(answer.get("refused", []))
    return answer


def refused(messages: Any) -> list[Any]:
    """The messages of a notice ``refuse``: script, Call-ID, seconds."""
    _expect(_is_list(messages, _is_refusal) and len(messages) <= MAX_REFUSED, "refused messages", messages)
    found: list[Any] = messages
    return found


def lease(answer: dict[str, Any]) -> dict[str, Any]:
    """The answer to ``lease``."""
    for name, is_right in _LEASE.items():
        _expect(name in answer and is_right(answer[name]), name, answer.get(name))
    return answer


def helper(answer: dict[str, Any]) -> list[Any] | None:
    """The answer to ``find``: an assembly and its symbols; None when there is none."""
    found: list[Any] | None = answer.get("helper")
    _expect(_is_helper(found), "a helper", found)
    return found


def _expect(is_right: bool, what: str, came: object) -> None:  # noqa: FBT001 - the one question of this module
    if not is_right:
        raise ControlError(f"expected {what} of this protocol, got {came!r:.80}")


def _is_text(value: object) -> bool:
    return type(value) is str


def _is_id(value: Any) -> bool:
    # It goes into a line of the wire as it is.
    return type(value) is str and value.isascii() and value.isalnum() and len(value) <= LONGEST_ID


def _is_bool(value: object) -> bool:
    return type(value) is bool


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_limit(value: object) -> bool:
    return value is None or _is_count(value)


def _is_pid(value: Any) -> bool:
    # As a number for kill(2): 0 and below mean many processes.
    return type(value) is int and 0 < value < 1 << 31


def _is_list(value: object, is_right: Callable[[Any], bool], length: int | None = None) -> bool:
    return isinstance(value, list) and (length is None or len(value) == length) and all(map(is_right, value))


def _is_dict(value: object, is_right: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(map(is_right, value.values()))


def _is_part(value: Any) -> bool:
    return value is None or (_is_list(value, _is_text, WORDS_OF_A_PART) and _is_id(value[1]))


def _is_helper(value: Any) -> bool:
    return value is None or (_is_list(value, _is_part, PARTS_OF_A_HELPER) and value[0] is not None)


def _is_stamp(value: object) -> bool:
    return value is None or _is_list(value, lambda number: type(number) is int, STAMP_NUMBERS)


def _are_stamps(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_dict(value.get(name), _is_stamp) for name in ("files", "links"))


def _is_refusal(value: Any) -> bool:
    is_three = isinstance(value, list) and len(value) == PARTS_OF_A_REFUSAL
    return is_three and _is_text(value[0]) and _is_text(value[1]) and type(value[2]) in {int, float}


def _is_generation(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and (_is_id(value.get("id")) and _is_text(value.get("path")))
        and _is_list(value.get("parts"), _is_part, PARTS_OF_A_SCRIPT)
        and value["parts"][0] is not None
        and _is_dict(value.get("helpers"), _is_helper)
    )


def _is_worker(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict) and all(name in value and is_right(value[name]) for name, is_right in _WORKER.items())
    )


_LEASE: dict[str, Callable[[Any], bool]] = {
    "generation": _is_generation,
    "stamps": lambda value: value is None or _are_stamps(value),
    "keep": _is_bool,
    "is_ours": _is_bool,
    "worker": _is_worker,
}
_WORKER: dict[str, Callable[[Any], bool]] = {
    "pid": _is_pid,
    "execs": _is_count,
    "loads": _is_count,
    "bound": lambda value: _is_dict(value, _is_text),
    "ran": lambda value: _is_dict(value, _is_text),
    "loaded": lambda value: _is_list(value, _is_generation),
    "keep": _is_bool,
    "fresh": _is_bool,
    "max_execs": _is_limit,
    "max_loads": _is_limit,
    "max_line_bytes": _is_count,
    "is_placed": _is_bool,
}
