"""What a line of a worker means.

Must not know states or turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

CAN = ("values", "edits", "entries", "helpers", "profile", "within", "trace")
"""
What a worker may leave out, and says in ``ready`` that it can: values and certain edits ahead of the calls, entries
instead of Main, helpers that belong to one build only, the time it needs, an exec within another one, where in the
script each call is made.
"""

CAN_UNSAID = tuple(word for word in CAN if word not in {"helpers", "trace"})
"""What the bridge can of which nobody says it: that of a daemon of before, which had one for assemblies only."""

RETIRE_REASONS = {"threads": "its script left threads running", "memory": "its script ran out of memory"}
"""Why a process should be replaced although it answered, as the bridge says it."""

MAX_ENTRIES = 1000  # of one generation; bridge/Entry.cs names no more, and none that is longer
LONGEST_ENTRY = 200

NO_EDITS: list[Any] = []


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker is warm and may be used. ``runtime`` is the version of what runs scripts there, ``can`` of ``CAN``."""

    runtime: str
    pid: int
    can: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The generation is loaded and has these ``entries``, or ``needs`` names the assemblies that are missing."""

    needs: tuple[str, ...]
    entries: tuple[str, ...] = ()


Place = tuple[str, int]
"""Where in a script a call is made: the file as its symbols name it, and the line."""


class Notice(NamedTuple):
    """A call that needs no answer; its ``place`` where the exec is traced and it is known."""

    call: str
    args: tuple[Any, ...]
    place: Place | None = None


@dataclass(slots=True)
class Question:
    """A call that waits for ``Session.answer`` or ``Session.refuse``; its ``place`` as in ``Notice``."""

    call: str
    args: tuple[Any, ...]
    place: Place | None = None


class Edits(NamedTuple):
    """Certain edits: pairs of the number in the plan and the value."""

    edits: list[Any]


class Done(NamedTuple):
    """
    Main returned ``code``.

    ``used`` says, as bits, which of the values that travelled with the exec the script read. ``spent`` is empty
    unless it was asked for: nanoseconds until Main began, and of Main without its waits. ``worn`` is one of
    ``RETIRE_REASONS`` when the process should run no further exec, else empty. ``edits`` are
    the last ones, as in ``Edits``. ``exited`` says that the script ended the routing, by KSR.x.exit() or drop().
    """

    code: int
    used: int = 0
    spent: tuple[int, ...] = ()
    worn: str = ""
    edits: list[Any] = NO_EDITS
    exited: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """The load or exec failed; ``detail`` is the type, message and stack, or empty; ``worn`` as in ``Done``."""

    code: int
    message: str
    detail: str
    worn: str = ""


@dataclass(frozen=True, slots=True)
class Exiting:
    """
    The process ends on purpose with this code; nothing after it is believed.

    ``ends_request``: the load or the exec under way ends with it. False when Main of the exec had not been reached.
    """

    code: int
    ends_request: bool


Event = Ready | Loaded | Notice | Question | Edits | Done | Failed | Exiting


def are_entries(names: Any) -> bool:
    """Whether this is a list of the names of entries, as a load may give it."""
    return type(names) is list and len(names) <= MAX_ENTRIES and all(map(is_entry, names))


def is_entry(name: Any) -> bool:
    """Whether an entry can have this name: ASCII letters, digits and underscores."""
    return type(name) is str and 0 < len(name) <= LONGEST_ENTRY and name.isascii() and name.replace("_", "a").isalnum()
