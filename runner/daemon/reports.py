"""
What a client says of its worker, as far as it can be true: never less than before, and of builds that it knows.

A client is another process, and perhaps another user's. Must not know who it is; ``control.messages`` has the shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.control.kinds import MAX_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from runner.control.messages import Report
    from runner.scripts.generation import Generation, Part
    from runner.worker.holdings import Holdings

MAX_NEEDS = 64  # names that are looked for at one time; a load that needs more asks again for the rest


def note(holdings: Holdings, report: Report, known: Mapping[str, Generation]) -> None:
    """
    Take what a client says of its worker into what is known of it.

    A process runs nothing back, and mono binds a name for good: counts and names only grow.

    Args:
        holdings: Of the worker, as we know them.
        report: What the client says.
        known: Generations that the client knows of, by id; it can have loaded no others.
    """
    holdings.note(report, known, MAX_NAMES)


def mentioned(
    generation: Generation,
    names: Sequence[str],
    copy_of: Callable[[Part], Path],
    mentions: Callable[[Sequence[str], bytes], set[str]],
) -> tuple[str, ...]:
    """
    The names, of those that a client's worker asks for, to which the build refers at all.

    Args:
        generation: The build.
        names: What the client says.
        copy_of: Where the copy of a file lies.
        mentions: ``Runtime.mentions``.
    """
    wanted = [name for name in names if name and name not in generation.helpers][:MAX_NEEDS]
    if not wanted:
        return ()
    parts = [generation.file, *(helper.file for helper in generation.helpers.values() if helper)]
    found: set[str] = set()
    for part in parts:
        try:
            data = copy_of(part).read_bytes()
        except OSError:
            continue  # the copy has gone, and so has the build
        found |= mentions(wanted, data)
    return tuple(name for name in wanted if name in found)


def reason(text: str, call_id: str | None) -> str:
    """What a client says of a worker, for the log."""
    return f"{text} (Call-ID {call_id})" if call_id else text
