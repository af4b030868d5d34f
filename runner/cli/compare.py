"""``app-mono exec --compare``: one exec here and one in a private Kamailio, and what differs between them."""

from __future__ import annotations

import json
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import ConfigError

from . import show
from .in_kamailio import play

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .job import Job
    from .outcome import Outcome

TRUE, FALSE, FAILED = 0, 1, 2
EQUAL, DIFFERS = 0, 1
Call = tuple[str, list[Any], Any]


def carry_out(job: Job, *, compare: bool, as_json: bool, others: bool) -> int:
    """
    Run the job once in Kamailio, and with ``compare`` also here; the exit status of an exec, or of ``compared``.

    Args:
        job: The script and the message.
        compare: See above.
        as_json: One object for programs.
        others: There are options that run a script again or measure it, which have no meaning here.

    Raises:
        RunnerError: It could not be run.
    """
    if others:
        raise ConfigError("--in-kamailio and --compare run a script once: leave out --watch, --repeat and --profile")
    if compare:
        return compared(job, as_json=as_json)
    result = play(job)
    if as_json:
        show.line(show.as_json([result]))
    else:
        show.outcome(result, Path(job.message).name)
    return FAILED if result.error else TRUE if result.ok else FALSE


def compared(job: Job, *, as_json: bool) -> int:
    """
    Run the job in both and show where they differ: 0 nowhere, 1 somewhere.

    Raises:
        RunnerError: It could not be run in one of them.
    """
    theirs = play(job)
    job.is_recorded = True
    with job:
        ours = job.run()
    if ours.error is not None and not ours.asked and ours.after is None:
        raise ours.error  # it never began
    found = [*differing_calls(ours.asked, theirs.asked), *_differing_results(ours, theirs)]
    if as_json:
        keys = ("what", "here", "kamailio")
        differences = [dict(zip(keys, row, strict=True)) for row in found]
        messages = {"here": ours.after, "kamailio": theirs.after}
        show.line(json.dumps({"differences": differences, "message": messages, "calls": len(theirs.asked)}))
    else:
        for what, here, there in found:
            show.difference(what, here, there)
        if ours.after != theirs.after:
            show.messages(ours.after or "", theirs.after or "", "here", "in Kamailio")
    if found or ours.after != theirs.after:
        return DIFFERS
    if not as_json:
        show.line(f"no difference  {len(ours.asked)} calls, the result and the message are the same")
    return EQUAL


def differing_calls(ours: list[Call], theirs: list[Call]) -> Iterator[tuple[str, str | None, str | None]]:
    """
    The calls, in order, that were not made or not answered alike.

    Yields:
        The call as a script writes it, and what it gave here and in Kamailio; None where it was not made.
    """
    here, there = ([_written(call) for call in calls] for calls in (ours, theirs))
    matcher = SequenceMatcher(None, here, there, autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            for our, their in zip(ours[first:last], theirs[start:end], strict=True):
                if our[2] != their[2]:
                    yield _written(our), _value(our), _value(their)
        else:
            yield from ((_written(call), _value(call), None) for call in ours[first:last])
            yield from ((_written(call), None, _value(call)) for call in theirs[start:end])


def _differing_results(ours: Outcome, theirs: Outcome) -> Iterator[tuple[str, str | None, str | None]]:
    here, there = _result(ours), _result(theirs)
    if here != there:
        yield "result", here, there


def _result(outcome: Outcome) -> str:
    if outcome.error is not None:
        # The rest of the text names a worker.
        detail = getattr(outcome.error, "detail", "") or str(outcome.error).rpartition(": ")[2]
        return f"failed: {detail.splitlines()[0]}"
    return f"{'true' if outcome.ok else 'false'}, exit code {outcome.exit_code}"


def _written(call: Call) -> str:
    return f"{call[0]}({', '.join(json.dumps(argument, ensure_ascii=False) for argument in call[1])})"


def _value(call: Call) -> str:
    return json.dumps(call[2], ensure_ascii=False)
