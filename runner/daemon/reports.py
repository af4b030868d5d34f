"""
What a client says of its worker, as far as it can be: of the right kind, within bounds, never less than before.

A client is another process, and perhaps another user's. Must not know who it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runner.wire.events import RETIRE_REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from runner.scripts.generation import Generation, Part
    from runner.worker.holdings import Holdings

MAX_COUNT = 10**9  # execs or loads of one worker: one each millisecond for eleven days
MAX_NAMES = 4096  # scripts or helpers of one worker; mono takes about 10 KiB for each, and frees none
MAX_NEEDS = 64  # names that are looked for at one time; a load that needs more asks again for the rest
MAX_TEXT = 4096  # characters of a name, a path or a reason: what Linux takes for a path


class Report(NamedTuple):
    """
    What a worker has done and holds.

    ``loaded`` are ids of generations, and ``ran`` of those that have run to an end; ``retire_reason`` is one of
    ``events.RETIRE_REASONS`` or "".
    """

    pid: int
    execs: int
    loads: int
    retire_reason: str
    bound: dict[str, str]
    loaded: tuple[str, ...]
    ran: tuple[str, ...]


def understood(told: Mapping[str, Any]) -> Report:
    """
    A report as a client sends it.

    Raises:
        LookupError, TypeError, ValueError: It is none.
    """
    worn = text(told.get("worn", ""))  # a client that began before the daemon may not know it
    return Report(
        count(told["pid"]),
        count(told["execs"]),
        count(told["loads"]),
        worn if worn in RETIRE_REASONS else "",  # nor a daemon that began before the client every reason
        {text(name): text(content) for name, content in table(told["bound"]).items()},
        tuple(text(id_) for id_ in table(told["loaded"]).values()),
        tuple(text(id_) for id_ in table(told.get("ran", {})).values()),  # likewise
    )


def note(holdings: Holdings, report: Report, told: Mapping[str, Generation]) -> None:
    """
    What a client says of its worker is what we know of it.

    A process runs nothing back, and mono binds a name for good: counts and names only grow.

    Args:
        holdings: Of the worker, as we know them.
        report: What the client says.
        told: Generations that the client knows of, by id; of others it can have loaded none.
    """
    holdings.execs = max(holdings.execs, report.execs)
    holdings.loads = max(holdings.loads, report.loads)
    holdings.retire_reason = holdings.retire_reason or report.retire_reason
    bound = holdings.bound | report.bound
    if len(bound) <= MAX_NAMES:
        holdings.bound = bound
    holdings.loaded = {told[id_].path: told[id_] for id_ in report.loaded if id_ in told}
    holdings.ran = {told[id_].path: id_ for id_ in report.ran if id_ in told and id_ in report.loaded}


def mentioned(generation: Generation, names: object, copy_of: Callable[[Part], Path]) -> tuple[str, ...]:
    """
    Those of the names that a client's worker asks for which the build refers to at all.

    A name that an assembly refers to is in its metadata, with a NUL behind it (ECMA-335 II.24.2.3), and a text that it
    loads a plug-in by is there in UTF-16 (II.24.2.4). So nobody can make a script depend on a file that merely lies
    beside it.

    Args:
        generation: The build.
        names: What the client says.
        copy_of: Where the copy of a file lies.

    Raises:
        TypeError, ValueError: These are no names.
    """
    wanted = [name for name in map(text, listed(names)) if name and name not in generation.helpers][:MAX_NEEDS]
    if not wanted:
        return ()
    parts = [generation.assembly, *(helper.assembly for helper in generation.helpers.values() if helper)]
    found: set[str] = set()
    for part in parts:
        try:
            data = copy_of(part).read_bytes()
        except OSError:
            continue  # the copy has gone, and so has the build
        found |= {
            name for name in wanted if _encoded(name, "utf-8") + b"\0" in data or _encoded(name, "utf-16-le") in data
        }
    return tuple(name for name in wanted if name in found)


def _encoded(name: str, encoding: str) -> bytes:
    return name.encode(encoding, "surrogatepass")


def count(value: object) -> int:
    """A number of things, from a client."""
    if type(value) is not int or not 0 <= value <= MAX_COUNT:
        raise ValueError(f"expected a count of at most {MAX_COUNT}, got {value!r:.40}")
    return value


def seconds(value: object) -> float:
    """A time to wait, from a client."""
    if type(value) not in {int, float} or not isinstance(value, int | float) or not 0 <= value <= MAX_COUNT:
        raise ValueError(f"expected a number of seconds, got {value!r:.40}")
    return value


def text(value: object) -> str:
    """A short text, from a client."""
    if type(value) is not str or len(value) > MAX_TEXT:
        raise ValueError(f"expected a text of at most {MAX_TEXT} characters, got {value!r:.40}")
    return value


def table(value: object) -> dict[Any, Any]:
    """Names and what belongs to each, from a client."""
    if not isinstance(value, dict) or len(value) > MAX_NAMES:
        raise ValueError(f"expected an object of at most {MAX_NAMES} names, got {value!r:.40}")
    return value


def listed(value: object) -> list[Any]:
    """Names, from a client."""
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        raise ValueError(f"expected a list of at most {MAX_NAMES} names, got {value!r:.40}")
    return value
