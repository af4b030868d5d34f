"""What a script's calls do at the host: questions answered, edits made, texts logged, all within bounds.

A host that fails must not break the conversation: the script gets the call's error value, and the log says why. Must
not know wires.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, cast

from runner.calls import CALLS
from runner.errors import CallRefused
from runner.hosts.foreseen import KSR_READS
from runner.wire import messages

from .outcome import LOOK_EVERY, MAX_EDITS, MAX_KEPT_QUESTIONS, MAX_TEXT_CHARACTERS, MAX_TEXTS, in_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from runner.calls import Host, Traced
    from runner.scripts.foresight import Plan
    from runner.wire.events import Notice, Place, Question

    from .outcome import ExecOutcome

log = logging.getLogger("runner.conversation")

RESULTS = frozenset({str, int, bool, type(None)})


def call_id(host: Host) -> str | None:
    """The Call-ID of the message, to say whose exec it was; None where a host has none, or fails."""
    with contextlib.suppress(Exception):  # a host that fails here must not hide why the worker was lost
        own: Host = getattr(host, "unrecorded", host)  # of a Recorded: this is no call of the script
        return own.get_s("$ci")
    return None


def extras(host: Host, outcome: ExecOutcome, can: Collection[str]) -> str:
    """What else a worker is asked to say of an exec, where it ``can``: how long it takes, where each call is made."""
    profiled = messages.PROFILED if outcome.profile is not None and "profile" in can else ""
    return profiled + (messages.TRACED if hasattr(host, "called_from") and "trace" in can else "")


def _say_place(host: Host, place: Place) -> None:
    """Say where the next call is made, to a host that wants to know it; a worker may say it unasked."""
    if hasattr(host, "called_from"):
        cast("Traced", host).called_from(*place)


def ask(pid: int, host: Host, question: Question, outcome: ExecOutcome) -> tuple[str | int | None, str]:
    """
    What the host answers.

    Returns:
        Its result, and an empty text; or None, and why the call is refused.

    Raises:
        ProtocolViolation: These are too many edits for one exec.
    """
    call, args = question.call, question.args
    outcome.answered += 1
    if CALLS[call].is_edit and not (call == "KSR" and args[0] in KSR_READS):
        if outcome.edited + outcome.certain >= MAX_EDITS:
            outcome.bound_edits(1)
        outcome.edited += 1
    outcome.asked = asked = outcome.asked or []
    if len(asked) == MAX_KEPT_QUESTIONS:
        del asked[: MAX_KEPT_QUESTIONS // 2]
    asked.append((call, args))
    if question.place is not None:
        _say_place(host, question.place)
    try:
        result: str | int | None = getattr(host, CALLS[call].method)(*args)
        if type(result) not in RESULTS:
            raise TypeError(f"expected str, int or None, got {type(result).__name__}")  # noqa: TRY301 - its fault too
    except Exception as error:  # noqa: BLE001 - as the module says
        _report(pid, call, error)
        return None, str(error) if isinstance(error, CallRefused) else f"the host failed: {error}"
    return result, ""


def edit(pid: int, host: Host, plan: Plan, edits: list[Any], outcome: ExecOutcome, *, deadline: float) -> None:
    """
    Make edits that were declared certain.

    Args:
        pid: The worker, for the log.
        host: Owns the message.
        plan: The plan that the worker has.
        edits: Pairs of an edit's number in the plan and the value.
        outcome: Counts them; ``refused`` says the first that the host does not make after all.
        deadline: As for the exec.

    Raises:
        ExecTimeout: The deadline has passed; the edits until then are made.
        ProtocolViolation: These are too many edits for one exec.
    """
    pairs: Iterable[Any] = edits
    if len(edits) + outcome.certain > LOOK_EVERY:
        outcome.bound_edits(len(edits))
        pairs = in_time(edits, deadline)
    for number, value in pairs:
        method, target = plan.methods[number]
        try:
            make = getattr(host, method)
            result = make(value) if target is None else make(target, value)
        except Exception as error:  # noqa: BLE001 - as the module says
            refuse(pid, plan, number, value, outcome, error=error)
        else:
            if result != 0:
                refuse(pid, plan, number, value, outcome, error=None)
        outcome.certain += 1


def refuse(pid: int, plan: Plan, number: int, value: Any, outcome: ExecOutcome, *, error: Exception | None) -> None:
    """
    Note that the host did not make an edit: it was declared certain, and the script has gone on.

    Args:
        pid: The worker, for the log.
        plan: The plan that the worker has.
        number: The edit's, in the plan.
        value: What was to be written.
        outcome: ``refused`` says the first of these.
        error: What the host raised; None: it said that it failed.
    """
    if error is not None:
        _report(pid, plan.edits[number][0], error)
    outcome.refused = outcome.refused or plan.shown_edit(number, value)


def write_log(pid: int, host: Host, notice: Notice, outcome: ExecOutcome) -> None:
    """Log a text of the script, unless these are too many or too long; those are counted."""
    length = len(notice.args[1])
    if outcome.dropped or outcome.logs == MAX_TEXTS or outcome.characters + length > MAX_TEXT_CHARACTERS:
        outcome.dropped += 1
        return
    outcome.logs += 1
    outcome.characters += length
    if notice.place is not None:
        _say_place(host, notice.place)
    try:
        host.log(*notice.args)
    except Exception as error:  # noqa: BLE001 - as the module says
        _report(pid, notice.call, error)


def _report(pid: int, call: str, error: Exception) -> object:
    """A call that the host did not answer."""
    if not isinstance(error, CallRefused):
        log.error("worker %d: the host failed at %s", pid, call, exc_info=error)
    return None
