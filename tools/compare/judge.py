"""
Plays cases on both sides, and makes findings of what differs: each seen again in a fresh process, and shrunk.

Must not know how cases are made, nor how a finding is printed.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tools.compare import unstable
from tools.compare.cases import KSR, LIVES, Case, Difference, Played, Step, compare
from tools.compare.shrink import PLAIN, PLAIN_LINES, header_name, lines, shrunk

if TYPE_CHECKING:
    from collections.abc import Iterable

READS = ("PV.GetS", "PV.GetI", "PV.IsNull")
MOST_SHAPE = 100  # characters
CASES_OF_A_PROCESS = 500  # Kamailio keeps each expression that it ever parsed, and has 16 MiB for them
SHRINK_S = 4.0
LOOKED_AT_FIRST = 3  # differences of one look that are examined; then the 4th, 8th, 16th, ...
_WHOLE = re.compile(r"^\$\((.*)\)$")
_FREE = re.compile(r"^\$(hdrc?|envn?|defn?|avp|cnt|var|vn|vz|shv|xav[pui]|sht\w*|stat|C|_s)\(.*?\)(?=\[|$)")
_TRANSFORMATION = re.compile(r"\{[^{}]*\}")


class Side(Protocol):
    """Whatever plays cases."""

    def send(self, case: Case) -> None:
        """Begin."""

    def collect(self, case: Case) -> Played:
        """What came of it."""

    def start(self) -> None:
        """A fresh process, where there is one."""


@dataclass
class Finding:
    """One kind of difference, and its smallest example."""

    kind: str
    case: Case
    difference: Difference
    seen: int = 1


@dataclass
class Report:
    """
    What a run found.

    Attributes:
        cases: How many were played.
        facts: How many answers and messages were compared.
        named: How many answers were not, as the list of what is unstable has their step.
        looks: How many facts differ, by the shape of their step before anything was shrunk.
        findings: By their kind.
        of_looks: The kinds that the examined differences of a look turned out to be.
        crashes: Crashes and hangs of the real Kamailio, by the step that it died of.
    """

    cases: int = 0
    facts: int = 0
    named: int = 0
    looks: Counter[str] = field(default_factory=Counter)
    findings: dict[str, Finding] = field(default_factory=dict)
    of_looks: dict[str, set[str]] = field(default_factory=dict)
    crashes: dict[str, Finding] = field(default_factory=dict)

    @property
    def kinds(self) -> int:
        """How many kinds of difference there are."""
        return len(self.findings)

    @property
    def differ(self) -> int:
        """How many facts differ, without those that a fresh process does not show again."""
        return sum(count for look, count in self.looks.items() if self.of_looks.get(look))

    @property
    def unstable(self) -> Counter[str]:
        """How many facts differ of which no examined one was seen again, by their look."""
        return Counter({look: count for look, count in self.looks.items() if not self.of_looks.get(look)})


class Judge:
    """
    Compares two sides.

    Args:
        real: The real Kamailio.
        ours: What has to be the same.
    """

    def __init__(self, real: Side, ours: Side, shrink_s: float = SHRINK_S) -> None:
        self._real = real
        self._ours = ours
        self._shrink_s = shrink_s
        self.report = Report()

    def run(self, cases: Iterable[Case], deadline: float) -> None:
        """Judge cases until there is no more of them, or no more time."""
        for case in cases:
            if time.monotonic() > deadline:
                return
            if self.report.cases % CASES_OF_A_PROCESS == 0:
                self._start()
            self.judge(case)

    def judge(self, case: Case) -> None:
        """Play one case, and examine what differs."""
        expected, got = self._play(case)
        report = self.report
        report.cases += 1
        if expected.crashed_at is not None:
            self._crashed(case, expected.crashed_at)
        facts, differences = compare(expected, got)
        for step in case.steps[: len(expected.answers)]:
            if unstable.reason(step) is not None:
                report.named += 1
                facts -= 1
        report.facts += facts
        for difference in differences:
            if isinstance(difference.fact, int):
                if unstable.reason(case.steps[difference.fact]) is not None:
                    continue
                look = self._look(case, difference.fact)
            else:
                look = str(difference.fact)
            report.looks[look] += 1
            seen = report.looks[look]
            if seen <= LOOKED_AT_FIRST or seen & (seen - 1) == 0:
                self._examine(case, difference, look)

    def _look(self, case: Case, fact: int) -> str:
        """The shape of a step, of its expression only so much as is needed for a difference."""
        step = case.steps[fact]
        if step[0] not in READS:
            return shape(step)
        parts = _TRANSFORMATION.findall(str(step[1]))
        variable = str(step[1])[: len(str(step[1])) - len("".join(parts)) - 1]
        for count in range(len(parts)):
            shorter: Step = (step[0], "".join([variable, *parts[:count], ")"]))
            one = case.with_steps((*case.steps[:fact], shorter))
            if self.differs(one, fact) is not None:
                return shape(shorter)
        return shape(step)

    def differs(self, case: Case, fact: int | str) -> Difference | None:
        """The difference in that fact; None when both sides agree, or the real one crashes."""
        expected, got = self._play(case)
        if expected.crashed_at is not None and fact != LIVES:
            return None
        return next((found for found in compare(expected, got)[1] if found.fact == fact), None)

    def _play(self, case: Case) -> tuple[Played, Played]:
        self._real.send(case)
        self._ours.send(case)
        got = self._ours.collect(case)
        return unstable.until_refused(case, self._real.collect(case), got)

    def _start(self) -> None:
        self._real.start()
        self._ours.start()

    def _fresh(self, case: Case, fact: int | str) -> Difference | None:
        self._start()
        return self.differs(case, fact)

    def _examine(self, case: Case, difference: Difference, look: str) -> None:
        fact = difference.fact
        if isinstance(fact, int):
            case = case.with_steps(case.steps[: fact + 1])
            alone = case.with_steps((case.steps[fact],))
        else:
            alone = case
        for candidate in dict.fromkeys((alone, case)):
            fact_of = len(candidate.steps) - 1 if isinstance(fact, int) else fact
            found = self._fresh(candidate, fact_of)
            if found is not None:
                self._shrink(candidate, found, look)
                return

    def _shrink(self, case: Case, difference: Difference, look: str) -> None:
        is_step = isinstance(difference.fact, int)

        def fact_of(smaller: Case) -> int | str:
            return len(smaller.steps) - 1 if is_step else difference.fact

        small = shrunk(
            case,
            case.steps[-1] if is_step else None,
            lambda smaller: self.differs(smaller, fact_of(smaller)) is not None,
            time.monotonic() + self._shrink_s,
        )
        found = self._fresh(small, fact_of(small))
        if found is None:  # what made it smaller was the state of the process
            small, found = case, difference
        kind = kind_of(small, found)
        known = self.report.findings.setdefault(kind, Finding(kind, small, found, 0))
        known.seen += 1
        self.report.of_looks.setdefault(look, set()).add(kind)
        if len(small.message) < len(known.case.message):
            known.case, known.difference = small, found

    def _crashed(self, case: Case, at: int) -> None:
        """Count a crash, and at the first of its kind see whether the step alone does it."""
        step = case.steps[at] if at < len(case.steps) else None
        kind = shape(step) if step else f"{case.mode}, behind the script"
        if kind in self.report.crashes:
            self.report.crashes[kind].seen += 1
            return
        case = case.with_steps(case.steps[: at + 1])
        if step is not None:
            alone = case.with_steps((step,))
            self._real.send(alone)
            case = alone if self._real.collect(alone).crashed_at is not None else case
        self.report.crashes[kind] = Finding(kind, case, Difference(at, "crash", None))


def shape(step: Step) -> str:
    """A step without numbers and texts: the variable, or the last of its transformations."""
    name, first = str(step[0]), str(step[1])
    if name.startswith("HDR."):
        return name
    if name == KSR:
        return f"{name}.{first}"
    if parts := _TRANSFORMATION.findall(first):
        shown = f"$(...{parts[-1].partition(',')[0].strip('{} ').lower()})"
    else:
        shown = _WHOLE.sub(r"$\1", first)
        shown = re.sub(r"-?\d+", "N", _FREE.sub(r"$\1(...)", shown))
        shown = shown.lower() if shown.lower().startswith("$sel(") else shown
    return f"{'read' if name in READS else name} {shown}"[:MOST_SHAPE]


def kind_of(case: Case, difference: Difference) -> str:
    """The shape of the step that differs, those before it, and the headers that the message needs for it."""
    head, rest = lines(case.message)
    needs = sorted({header_name(line).decode("latin-1") or "no name" for line in head[1:]
                    if line not in PLAIN.values()})  # fmt: skip
    if head[:1] != [PLAIN_LINES[0]]:
        needs.insert(0, "a reply" if head[:1] == [PLAIN_LINES[1]] else "start line")
    needs += ["body"] if rest.strip() else []
    steps = [shape(step) for step in case.steps]
    what = steps[-1] if isinstance(difference.fact, int) else str(difference.fact)
    before = steps[:-1] if isinstance(difference.fact, int) else steps
    return " / ".join(
        [what, *(f"after {step}" for step in dict.fromkeys(before)), "needs " + (", ".join(needs) or "-")]
    )
