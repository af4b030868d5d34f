"""
Kinds: what one member of a control message may be. Each is a function that gives the value or says what it expected.

Both ends judge strangers by these, so everything has a bound, if only that of a line. Standard library only, as a child
of Kamailio imports it. Must not know which message a member belongs to.
"""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from runner.errors import ConfigError
from runner.scripts.generation import Generation, Helper
from runner.scripts.poison import LONGEST_CALL_ID
from runner.scripts.stamps import Stamps
from runner.wire.events import MAX_ENTRIES, RETIRE_REASONS, are_entries
from runner.wire.unfinished import Unfinished

from .connection import PROTOCOL, ControlError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

MAX_COUNT = 10**9  # execs or loads of one worker: one each millisecond for eleven days
MAX_NAMES = 4096  # scripts or helpers of one worker; mono takes about 10 KiB for each, and frees none
MAX_TEXT = 4096  # characters of a name, a path or a reason: what Linux takes for a path
MAX_STACK = 4096  # characters: those of the last failures fit into one answer, MAX_LINE_BYTES, with all else
MAX_REFUSED = 4096  # messages of which one line may say that they are refused
LONGEST_ID = 64
SHOWN = 80  # characters of a wrong value, in the error

STAMP_NUMBERS = 5
WORDS_OF_A_PART, PARTS_OF_A_SCRIPT, PARTS_OF_A_HELPER, PARTS_OF_A_REFUSAL = 2, 3, 2, 3


class Malformed(ControlError):
    """
    A message of another shape.

    Args:
        expected: What would have been right.
        came: What came; shown up to ``SHOWN`` characters.
        field: Where in the message, such as ``have.execs``; empty for all of it.
    """

    def __init__(self, expected: str, came: object, field: str = "") -> None:
        # reprlib goes a few levels deep only, so a value that is nested without end cannot end this process.
        super().__init__(f"{field or 'message'}: expected {expected}, got {reprlib.repr(came)[:SHOWN]}")
        self._parts = expected, came, field

    def within(self, name: str) -> Malformed:
        """The same, in a member of that name."""
        expected, came, field = self._parts
        return Malformed(expected, came, f"{name}.{field}" if field else name)


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()  # stands for a member that is not there; it is of no kind


def member(value: dict[str, Any], name: str, kind: Callable[[object], T]) -> T:
    """
    One member of an object, by its kind.

    Raises:
        Malformed: It is missing, or of another kind.
    """
    try:
        return kind(value.get(name, NOTHING))
    except Malformed as error:
        raise error.within(name) from None


def maybe(kind: Callable[[object], T]) -> Callable[[object], T | None]:
    """That kind, or null."""

    def read(value: object) -> T | None:
        return None if value is None else kind(value)

    return read


def each(kind: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    """A list, each element of that kind, as long as a line lets it be."""

    def read(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise Malformed("a list", value)
        return tuple(map(kind, value))

    return read


def count(value: object) -> int:
    """A number of things, up to ``MAX_COUNT``."""
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise Malformed(f"a whole number from 0 to {MAX_COUNT}", value)
    return value


def number(value: object) -> int:
    """A whole number that is not negative, of any size."""
    if type(value) is not int or value < 0:
        raise Malformed("a whole number from 0", value)
    return value


def pid(value: object) -> int:
    """A process, for kill(2): there 0 and below mean many of them."""
    if type(value) is not int or not 0 < value < 1 << 31:
        raise Malformed("the number of a process", value)
    return value


def seconds(value: object) -> float:
    """A time to wait, up to ``MAX_COUNT``."""
    if not (type(value) is int or type(value) is float) or not 0 <= value <= MAX_COUNT:
        raise Malformed(f"seconds from 0 to {MAX_COUNT}", value)
    return value


def real(value: object) -> float:
    """A number."""
    if not (type(value) is int or type(value) is float):
        raise Malformed("a number", value)
    return value


def reals(value: object) -> dict[str, float]:
    """A number by name."""
    if not isinstance(value, dict):
        raise Malformed("an object of numbers", value)
    return {name: real(content) for name, content in value.items()}


def flag(value: object) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise Malformed("true or false", value)
    return value


def text(value: object) -> str:
    """A name, a path or an id, up to ``MAX_TEXT`` characters."""
    if type(value) is not str or len(value) > MAX_TEXT:
        raise Malformed(f"a text of at most {MAX_TEXT} characters", value)
    return value


def words(value: object) -> str:
    """A text as long as a line lets it be."""
    if type(value) is not str:
        raise Malformed("a text", value)
    return value


def reason(value: object) -> str:
    """Why something happened, for the log; ``MAX_TEXT`` characters of it count."""
    return words(value)[:MAX_TEXT]


def stack(value: object) -> str:
    """The stack of an exception; ``MAX_STACK`` characters of it count."""
    return words(value)[:MAX_STACK]


def call_id(value: object) -> str:
    """The Call-ID of a message, which is whatever a caller sent; ``LONGEST_CALL_ID`` characters of it count."""
    return words(value)[:LONGEST_CALL_ID]


def identifier(value: object) -> str:
    """An id of a generation or a lease. The first one goes into a line of the wire unchanged."""
    if not (type(value) is str and value.isascii() and value.isalnum() and len(value) <= LONGEST_ID):
        raise Malformed(f"an id of at most {LONGEST_ID} letters and digits", value)
    return value


def names(value: object) -> tuple[str, ...]:
    """A list of at most ``MAX_NAMES`` texts."""
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        raise Malformed(f"a list of at most {MAX_NAMES} names", value)
    return tuple(map(text, value))


def entries(value: object) -> tuple[str, ...]:
    """The names of a generation's entries."""
    if not isinstance(value, list) or not are_entries(value):
        raise Malformed(f"a list of at most {MAX_ENTRIES} names of entries", value)
    return tuple(value)


def table(value: object) -> dict[str, str]:
    """A text by name, of at most ``MAX_NAMES``."""
    if not isinstance(value, dict) or len(value) > MAX_NAMES:
        raise Malformed(f"an object of at most {MAX_NAMES} names", value)
    return {text(name): text(content) for name, content in value.items()}


def texts(value: object) -> dict[str, str]:
    """A text by name, as many as a line holds."""
    if not isinstance(value, dict) or not all(type(content) is str for content in value.values()):
        raise Malformed("an object of texts", value)
    return value


def retire_reason(value: object) -> str:
    """One of ``events.RETIRE_REASONS``, or empty: also for a reason that only a later version knows."""
    reason = text(value)
    return reason if reason in RETIRE_REASONS else ""


def own_protocol(value: object) -> int:
    """
    The version that a client speaks.

    Raises:
        ConfigError: It is not ours. What else the message says nobody looks at then: it may have another shape.
    """
    if value != PROTOCOL:
        raise ConfigError(f"this daemon speaks control protocol {PROTOCOL}, the client {value!r:.20}")
    return PROTOCOL


def refused(value: object) -> tuple[tuple[str, str, float], ...]:
    """Messages that are refused: script, Call-ID, seconds."""
    if not (isinstance(value, list) and len(value) <= MAX_REFUSED and all(map(_is_refusal, value))):
        raise Malformed(f"a list of at most {MAX_REFUSED} [script, Call-ID, seconds]", value)
    return tuple((script, call_id, left_s) for script, call_id, left_s in value)


def generation(value: object) -> Generation:
    """A generation, as ``Generation.as_json`` writes it."""
    if not isinstance(value, dict):
        raise Malformed("a generation", value)
    member(value, "id", identifier)
    member(value, "path", words)
    member({"runtime": ""} | value, "runtime", text)
    if not _is_list(value.get("parts"), _is_part, PARTS_OF_A_SCRIPT) or value["parts"][0] is None:
        raise Malformed("a script, symbols and a config", value.get("parts"), "parts")
    helpers = value.get("helpers")
    if not isinstance(helpers, dict) or not all(found is None or _is_helper(found) for found in helpers.values()):
        raise Malformed("helpers by name", helpers, "helpers")
    files = value.get("files", {})
    if not isinstance(files, dict) or not all(map(_is_file, files.items())):
        raise Malformed("files by name", files, "files")
    return Generation.from_json(value)


def helper(value: Any) -> Helper:
    """A helper, as ``Helper.as_json`` writes it."""
    if not _is_helper(value):
        raise Malformed("a helper", value)
    return Helper.from_json(value)


def stamps(value: object) -> Stamps:
    """The stamps of a script's files, as ``Stamps.as_json`` writes them."""
    if not (isinstance(value, dict) and all(_are_stamps(value.get(name)) for name in ("files", "links"))):
        raise Malformed("stamps of files and links", value)
    return Stamps.from_json(value)


def unfinished(value: object) -> Unfinished:
    """Where a conversation stands, as ``Unfinished.as_json`` writes it."""
    try:
        return Unfinished.from_json(value)
    except ValueError:
        raise Malformed("an unfinished exec or load", value) from None


Count = Annotated[int, count]
Number = Annotated[int, number]
Limit = Annotated[int | None, maybe(number)]
Pid = Annotated[int, pid]
Real = Annotated[float, real]
Flag = Annotated[bool, flag]
Text = Annotated[str, text]
Words = Annotated[str, words]
Reason = Annotated[str, reason]
CallId = Annotated[str | None, maybe(call_id)]
Id = Annotated[str, identifier]
Names = Annotated[tuple[str, ...], names]
Entries = Annotated[tuple[str, ...] | None, maybe(entries)]
Table = Annotated[dict[str, str], table]
Texts = Annotated[dict[str, str], texts]
Build = Annotated[Generation, generation]


def _is_list(value: object, is_right: Callable[[Any], bool], length: int) -> bool:
    return isinstance(value, list) and len(value) == length and all(map(is_right, value))


def _is_file(named: tuple[str, Any]) -> bool:
    name, part = named
    return part is not None and _is_part(part) and "/" not in name and name not in {"", ".", ".."}


def _is_part(value: Any) -> bool:
    if value is None:
        return True
    if not _is_list(value, lambda word: type(word) is str, WORDS_OF_A_PART):
        return False
    digest = value[1]
    is_identifier: bool = digest.isascii() and digest.isalnum() and len(digest) <= LONGEST_ID
    return is_identifier


def _is_helper(value: Any) -> bool:
    return _is_list(value, _is_part, PARTS_OF_A_HELPER) and value[0] is not None


def _are_stamps(value: Any) -> bool:
    return isinstance(value, dict) and all(
        stamp is None or _is_list(stamp, lambda number: type(number) is int, STAMP_NUMBERS) for stamp in value.values()
    )


def _is_refusal(value: Any) -> bool:
    is_three = isinstance(value, list) and len(value) == PARTS_OF_A_REFUSAL
    if not is_three or type(value[0]) is not str or type(value[1]) is not str or type(value[2]) not in {int, float}:
        return False
    return bool(0 <= value[2] <= MAX_COUNT)
