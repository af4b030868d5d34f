"""``app-mono exec --compare``: one exec here and one in a private Kamailio, and what differs between them."""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import ExecTimeout, RunnerError, ScriptError

from . import show
from .in_kamailio import play
from .outcome import FAILED
from .private_kamailio import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .job import Job
    from .outcome import Asked, Outcome

EQUAL, DIFFERS = 0, 1
WORKER = re.compile(r"^worker [0-9]+: ")
FATE = re.compile(r" \((signal \w+|exit code [0-9]+|it is still running)\)$")
WINDOW = 200  # calls that are aligned at one time, which takes the square of it


def carry_out(job: Job, *, compare: bool, as_json: bool) -> int:
    """
    Run the job once in Kamailio; the exit status is that of an exec, or of ``compared``.

    Args:
        job: The script and the message. Where its port is not free, another one is taken for it.
        compare: Run it here as well, and show what differs.
        as_json: One object for programs.

    Raises:
        RunnerError: It could not be run.
    """
    with free_port(job.address.port) as port:
        job = replace(job, address=replace(job.address, port=port), is_compared=compare)
        if compare:
            return compared(job, as_json=as_json)
        result = play(job)
    if as_json:
        show.line(show.as_json([result]))
    else:
        show.outcome(result, Path(job.message).name)
    return result.status


def compared(job: Job, *, as_json: bool) -> int:
    """
    Run a job with ``is_compared`` in both and show where they differ: 0 nowhere, 1 somewhere.

    Where it failed alike in both, that is said as well, and the status is 2.

    Raises:
        RunnerError: It could not be run in one of them.
    """
    theirs = play(job)
    with job:
        ours = job.run()
    if ours.error is not None and not ours.asked and ours.after is None:
        raise ours.error  # it never began
    here, there = _result(ours), _result(theirs)
    has_failed = ours.error is not None and here == there
    # At a deadline one of them may have come further: only what both did says something.
    is_cut = isinstance(ours.error, ExecTimeout) and has_failed and len(ours.asked) != len(theirs.asked)
    both = min(len(ours.asked), len(theirs.asked)) if is_cut else None
    found = [*differing_calls(ours.asked[:both], theirs.asked[:both]), *differing_results(ours, theirs)]
    differs = bool(found) or (ours.after != theirs.after and not is_cut)
    if as_json:
        keys = ("what", "here", "kamailio")
        differences = [dict(zip(keys, row, strict=True)) for row in found]
        results, messages = ({"here": a, "kamailio": b} for a, b in ((here, there), (ours.after, theirs.after)))
        told = {"differences": differences, "results": results, "message": messages, "calls": len(theirs.asked)}
        show.line(json.dumps(told))
    else:
        for row in found:
            show.difference(*row)
        if ours.after != theirs.after and not is_cut:
            show.messages(ours.after or "", theirs.after or "", "here", "in Kamailio")
        if has_failed:
            show.error(RunnerError(f"{job.script}: here and in Kamailio alike: {here}"))
        elif not differs:
            show.line(f"no difference  {len(ours.asked)} calls, the result and the message are the same")
    return FAILED if has_failed else DIFFERS if differs else EQUAL


def differing_calls(ours: list[Asked], theirs: list[Asked]) -> Iterator[tuple[str, str | None, str | None]]:
    """
    The calls, in order, that were not made or not answered alike.

    Takes linear time: a call that was made more than ``WINDOW`` calls earlier or later counts as another one.

    Yields:
        The call as a script writes it, and what it gave here and in Kamailio; None where it was not made.
    """
    at = to = 0
    for first, start, size in _made_by_both(list(map(_written, ours)), list(map(_written, theirs))):
        yield from _made_by_one(ours[at:first], theirs[to:start])
        at, to = first + size, start + size
        for our, their in zip(ours[first:at], theirs[start:to], strict=True):
            if our[2] != their[2]:
                yield _written(our), _value(our), _value(their)


def _made_by_one(ours: list[Asked], theirs: list[Asked]) -> Iterator[tuple[str, str | None, str | None]]:
    """Calls between two that both made; a log line of each, with the same level, is one call with two texts."""
    logged: defaultdict[int | None, deque[int]] = defaultdict(deque)
    for number, call in enumerate(theirs):
        logged[_level(call)].append(number)
    paired = set()
    for call in ours:
        level = _level(call)
        if level is not None and logged[level]:
            paired.add(number := logged[level].popleft())
            yield f"Core.Log({level}, ...)", _text(call), _text(theirs[number])
        else:
            yield _written(call), _value(call), None
    yield from ((_written(call), None, _value(call)) for number, call in enumerate(theirs) if number not in paired)


def _made_by_both(here: list[str], there: list[str]) -> Iterator[tuple[int, int, int]]:
    """Runs of calls that both made: where each begins here and there, and its length; the last may be empty."""
    both = min(len(here), len(there))
    tail = next((size for size in range(both) if here[-1 - size] != there[-1 - size]), both)
    here_end, there_end = len(here) - tail, len(there) - tail
    at = to = 0
    while at < here_end and to < there_end:
        if here[at] == there[to]:
            yield at, to, 1
            at, to = at + 1, to + 1
            continue
        window = here[at : min(at + WINDOW, here_end)], there[to : min(to + WINDOW, there_end)]
        *blocks, end = SequenceMatcher(None, *window, autojunk=False).get_matching_blocks()
        yield from ((at + block.a, to + block.b, block.size) for block in blocks)
        last = blocks[-1] if blocks else end  # what is behind it may go on in the next window
        at, to = at + last.a + last.size, to + last.b + last.size
    yield here_end, there_end, tail


def differing_results(ours: Outcome, theirs: Outcome) -> Iterator[tuple[str, str | None, str | None]]:
    """Yields one row as ``differing_calls`` does, or none: truth and exit code, or the first line of the error."""
    here, there = _result(ours), _result(theirs)
    if here != there:
        yield "result", here, there


def _result(outcome: Outcome) -> str:
    if outcome.error is not None:
        return f"failed: {_reason(outcome.error)}"
    return f"{'true' if outcome.ok else 'false'}, exit code {outcome.exit_code}"


def _reason(error: RunnerError) -> str:
    """What went wrong, without what only one of them says: its worker, how that ended, how far it had come."""
    if isinstance(error, ScriptError) and error.detail:
        return error.detail.strip().partition("\n")[0]
    why = str(error).partition("; ")[0]
    return FATE.sub("", WORKER.sub("", why))


def _level(call: Asked) -> int | None:
    """Of a log line; None for every other call."""
    level: int | None = call[1][0] if call[0] == "Core.Log" else None
    return level


def _written(call: Asked) -> str:
    return f"{call[0]}({', '.join(json.dumps(argument, ensure_ascii=False) for argument in call[1])})"


def _text(call: Asked) -> str:
    return json.dumps(call[1][1], ensure_ascii=False)


def _value(call: Asked) -> str:
    return json.dumps(call[2], ensure_ascii=False)
