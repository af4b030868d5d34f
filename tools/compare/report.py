"""Prints what a run found, and keeps each finding in a file that can be played again."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from tools.compare.cases import LIVES, compare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tools.compare.cases import Case, Played
    from tools.compare.judge import Finding, Report

MOST_SHOWN = 2000  # characters of one value
BESIDE_STEPS = {"reached": "reached", "forwarded": "forwarded", "reply": "replies", LIVES: "crashed_at"}
"""The facts that are no step, and where ``Played`` has them."""


def text_of(reports: Sequence[tuple[str, Report]], seed: int, *, kamailio: str, kept: Path) -> str:
    """
    All findings, one example each, and the sum as the last line.

    Args:
        reports: Of each mode, with its name.
        seed: Of the cases.
        kamailio: The release that judged.
        kept: Where the findings are.
    """
    parts = []
    for mode, report in reports:
        found = sorted(report.findings.values(), key=lambda one: (one.kind.rpartition(" / ")[2], one.kind))
        parts += [_finding(finding) for finding in found]
        if report.crashes:
            parts.append(f"{mode}: Kamailio crashed, which is no difference:")
            parts += [f"  {crash.seen} x {crash.kind}" for crash in report.crashes.values()]
        if report.unstable:
            parts.append(f"{mode}: unstable, as a fresh Kamailio does not show it again:")
            parts += [f"  {count} x {look}" for look, count in report.unstable.most_common()]
        parts.append(
            f"{mode}: Kamailio {kamailio}, seed {seed}, {report.cases} cases, {report.facts} facts, {report.named} more are "
            f"in the list of what is unstable, {report.differ} differ, {len(report.findings)} kinds"
        )
    if any(report.findings or report.crashes for _, report in reports):
        parts.append(f"kept in {kept}")
    sums = [sum(getattr(report, name) for _, report in reports) for name in ("facts", "differ", "kinds")]
    parts.append("compare: {} facts, {} differ, {} kinds".format(*sums))
    return "\n".join(parts)


def played_text(case: Case, expected: Played, got: Played) -> str:
    """One case, step by step, and what both sides gave; ``!`` marks what ``compare`` counts as a difference."""
    differ = {difference.fact for difference in compare(expected, got)[1]}
    rows = [ascii(case.message).replace("\\r\\n", "\\r\\n\n")]
    for number, step in enumerate(case.steps):
        answers = [*expected.answers[number : number + 1], *got.answers[number : number + 1]]
        rows.append(f"{'!' if number in differ else ' '} {' '.join(map(_word, step))}")
        rows += [
            f"    {word} {_short(answer)}" for word, answer in zip(("expected", "got     "), answers, strict=False)
        ]
    for fact, what in BESIDE_STEPS.items():
        one, other = getattr(expected, what), getattr(got, what)
        if one != other or fact in differ:
            rows.append(
                f"{'!' if fact in differ else ' '} {what}\n    expected {_short(one)}\n    got      {_short(other)}"
            )
    return "\n".join(rows)


def _finding(finding: Finding) -> str:
    case, difference = finding.case, finding.difference
    rows = [
        f"{finding.kind}  (examined {finding.seen})",
        f"  message  {_short(case.message)}",
        *(f"  step     {' '.join(map(_word, step))}" for step in case.steps),
        f"  mode     {case.mode}, socket {case.socket}",
        f"  expected {_short(difference.expected)}",
        f"  got      {_short(difference.got)}",
    ]
    return "\n".join(rows) + "\n"


def _word(word: object) -> str:
    return ascii(word) if isinstance(word, str) and not word.isprintable() else str(word)


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}... ({len(text)} characters)"


def keep(mode: str, report: Report, directory: Path) -> None:
    """A file for each finding, named for the mode and its kind."""
    directory.mkdir(parents=True, exist_ok=True)
    for kind, finding in [*report.findings.items(), *((f"crash {k}", one) for k, one in report.crashes.items())]:
        name = hashlib.sha256(kind.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        value = {
            "kind": kind,
            "mode_of_ours": mode,
            **finding.case.as_json(),
            "fact": finding.difference.fact,
            "expected": ascii(finding.difference.expected),
            "got": ascii(finding.difference.got),
        }
        (directory / f"{mode}-{name}.json").write_text(json.dumps(value, indent=1) + "\n", "utf-8")
