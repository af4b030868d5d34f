"""The five lines of docs/performance.md that say what a script costs, from the rows of one run."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from bench.targets import PYTHON, C

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.measure import Row

MISSING = "(not measured)"
# In brackets: a row, and which of its figures. LANE is the one in C where it was measured.
SENTENCES = (
    """From a program in Python a script of 3 calls takes [library, 3 calls: LANE / pythonnet: ours] us and one of
    15 calls [library, 15 calls: LANE / pythonnet: ours] us; with mono inside the same process (pythonnet) they take
    [library, 3 calls: LANE / pythonnet: peer] and [library, 15 calls: LANE / pythonnet: peer] us.""",
    """A request through Kamailio takes [SIP, qm, one CPU, 3 calls: LANE / embedded: ratio] times as long as with the
    old embedded module, and [SIP, qm, one CPU, 3 calls: LANE / app_python3: ratio] times as long as with the same
    script in Kamailio's own Python; with 15 calls it is [SIP, qm, one CPU, 15 calls: LANE / embedded: ratio] and
    [SIP, qm, one CPU, 15 calls: LANE / app_python3: ratio] times.""",
    """Where mono is started for each request, that takes [SIP, qm, one CPU, 3 calls: LANE / cold process: peer] us;
    here the whole request takes [SIP, qm, one CPU, 3 calls: LANE / cold process: ours] us.""",
    """Under load Kamailio answers [throughput, qm: LANE / embedded: ratio] times as many requests a second as with the
    embedded module, and each takes [CPU of a request under load, qm: LANE / embedded: ratio] times the CPU time.""",
    """A change is live at the next exec; of a script with sixty methods, 99 in 100 of these took at most
    [first exec after a change, 60 methods, p99 / limit: ours] us. An idle worker takes
    [resident memory of an idle worker / limit: ours] MiB and no CPU time.""",
)
WIDTH = 120


def lines(rows: Mapping[str, Row]) -> str:
    """Markdown; a figure of a row that was not measured is ``MISSING``."""
    lane = C if any(f": {C} /" in name for name in rows) else PYTHON

    def figure(found: re.Match[str]) -> str:
        row = rows.get(found[1].replace("LANE", lane))
        value = None if row is None else getattr(row, found[2])
        return MISSING if value is None else number(value)

    told = (re.sub(r"\[([^\]]+): (ours|peer|ratio)\]", figure, sentence) for sentence in SENTENCES)
    return "\n".join(textwrap.fill(" ".join(f"- {one}".split()), WIDTH, subsequent_indent="  ") for one in told)


def number(value: float) -> str:
    """Three digits, or as many as a whole number has."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004 - what three digits can say
