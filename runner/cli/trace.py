"""
``--trace``: every call that a script made, with its arguments, its value, its time and the line that made it.

Must not run anything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.table import Table

from runner.calls import CALLS
from runner.errors import CallRefused

from . import show

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.calls import Host
    from runner.hosts.answered import Answer

    from .outcome import Outcome

NAMES = {call.method: call.name for call in CALLS.values()}
KSR, EXIT = "KSR", "x.exit"
MOST_CALLS = 10_000
US, US_PER_MS = 1000, 1000


class Step(NamedTuple):
    """
    One call.

    Attributes:
        call: ``SR.PV.GetS``; a function of KEMI is ``KSR.tm.t_relay``.
        arguments: As the script gave them.
        value: What it got; None for a text of the log too.
        refusal: Why it was not called; empty where it was.
        made_ns: When the host was asked, on ``time.monotonic_ns``.
        place: The file as the symbols name it, and the line; None where the script has no symbols.
    """

    call: str
    arguments: list[Any]
    value: Any
    refusal: str
    made_ns: int
    place: tuple[str, int] | None


class TracedHost:
    """
    A host that remembers each call and where it was made (``runner.calls.Traced``).

    Attributes:
        steps: The calls in their order, ``MOST_CALLS`` at most.
        more: How many more there were.
    """

    def __init__(self, host: Host) -> None:
        self.unrecorded = host
        self.steps: list[Step] = []
        self.more = 0
        self._place: tuple[str, int] | None = None

    def __getattr__(self, method: str) -> Any:
        if method == "depends_on":  # what is sent ahead would not come here
            raise AttributeError(method)
        found, name = getattr(self.unrecorded, method), NAMES.get(method)
        return found if name is None else partial(self._call, name, found)

    def called_from(self, file: str, line: int) -> None:
        """As ``runner.calls.Traced``."""
        self._place = file, line

    def _call(self, name: str, found: Callable[..., Any], *args: Any) -> Any:
        made_ns, place, self._place = time.monotonic_ns(), self._place, None
        value, refusal = None, "the host failed"
        try:
            # The end of the script comes as a call where it is traced; no host has to do anything.
            value = None if (name, args[0]) == (KSR, EXIT) else found(*args)
            refusal = ""
        except CallRefused as error:
            refusal = str(error)
            raise
        finally:
            if len(self.steps) < MOST_CALLS:
                call, arguments = (f"{KSR}.{args[0]}", list(args[1])) if name == KSR else (f"SR.{name}", list(args))
                self.steps.append(Step(call, arguments, value, refusal, made_ns, place))
            else:
                self.more += 1
        return value


@dataclass(frozen=True, slots=True)
class Trace:
    """The calls of one run: ``steps`` and ``more`` as of ``TracedHost``, when it began, and the answers it had."""

    steps: list[Step]
    more: int
    began_ns: int
    answers: Mapping[str, Answer] = field(default_factory=dict)

    def time_us(self, step: Step) -> int:
        """How long after the beginning of the run it was made."""
        return max(0, step.made_ns - self.began_ns) // US

    def given_by(self, step: Step) -> str:
        """Where the developer gave the value, ``--answer`` or ``[answers]``; empty for a call that was made."""
        answer = self.answers.get(step.call.removeprefix(f"{KSR}.")) if step.call.startswith(f"{KSR}.") else None
        return "" if answer is None else answer.given_by

    def as_json(self) -> list[dict[str, Any]]:
        """The calls as objects; a member that would say nothing is left out."""
        return [
            {"call": step.call, "arguments": step.arguments, "value": step.value, "time_us": self.time_us(step)}
            | ({} if step.place is None else {"file": step.place[0], "line": step.place[1]})
            | ({"refused": step.refusal} if step.refusal else {})
            | ({"given_by": self.given_by(step)} if self.given_by(step) else {})
            for step in self.steps
        ]


def table(result: Outcome) -> None:
    """One line for each call, where the run was traced."""
    trace = result.trace
    if trace is None:
        return
    rows = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("trace", "line", "call"):
        rows.add_column(title, justify="right" if title == "trace" else "left", overflow="fold")
    for step in trace.steps:
        place = "" if step.place is None else f"{Path(step.place[0]).name}:{step.place[1]}"
        rows.add_row(*show.cells(f"{trace.time_us(step) / US_PER_MS:.2f} ms", place, _line(trace, step)))
    show.table(rows)
    if trace.more:
        show.line(f"{trace.more} more calls")


def _line(trace: Trace, step: Step) -> str:
    called = show.call_text(step.call, step.arguments)
    if step.refusal:
        return f"{called} refused: {step.refusal}"
    if step.call in {"SR.Core.Log", f"{KSR}.{EXIT}"}:
        return called
    given_by = trace.given_by(step)
    return f"{called} -> {show.value_text(step.value)}" + (f" (answered by {given_by})" if given_by else "")
