"""
What a real Kamailio itself makes unstable: the one list of what is not compared, each with its reason.

A pattern is searched in the step as it is printed. As short as possible: what only looks unstable is asked of the real
Kamailio again, in a fresh process, before it counts as a difference.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.compare.cases import Case, Played, Step

UNSTABLE = (
    (r"\$\(?(T[bSsfFV]\b|u?time\b|u?timef\b)", "the time"),
    (r"\$\(?(pp|mi|sruid)\b|sel\(@?(sys|msg\.id)", "numbers of the process, and of the messages it had"),
    (r"\$\(?(stat|version|ksr)\b", "counters and the version of the server"),
    (r"\{uri\.([sd]uri|saor)", "one byte behind the scheme is left unwritten (pv_trans.c, TR_URI_SAOR)"),
    (r"\{s\.((en|de)code\.7bit|rbefore)", "reads past the end of the value"),
    (r"^PV\.IsNull \$\(?sel\(@?(msg|message)\.h(eader)?\)", "reads what is not its own when a header does not parse"),
    (r"\{urialias\.decode", "the old content of a buffer of 64 KiB"),
)
"""Steps whose answer is not compared."""

LEFT_OUT = (
    (r"\$\(?T\(id_", "makes a transaction, and the same message is a retransmission then"),
    (r"\{s\.(replace,\s*\\?,|rm,\s*\\?\}|rbefore)", "an endless loop, or a read past the end that crashes"),
    (r"\{s\.fmtline[st],[^,}]*,(99999|\$ml)\}", "writes behind its buffer, when the value has two bytes or more"),
    (r"^PV\.(Set[SI]|Unset) \$\(?msgbuf", "what was parsed before keeps its old boundaries (docs/deviations.md)"),
)
"""Steps that are never made, as nothing behind them can be compared."""

_UNSTABLE, _LEFT_OUT = (
    [(re.compile(pattern, re.IGNORECASE), why) for pattern, why in table] for table in (UNSTABLE, LEFT_OUT)
)


def is_left_out(step: Step) -> bool:
    """Whether a step may not be made."""
    text = " ".join(map(str, step))
    return any(pattern.search(text) for pattern, _ in _LEFT_OUT)


def reason(step: Step) -> str | None:
    """Why the answer of a step is not compared; None when it is."""
    text = " ".join(map(str, step))
    return next((why for pattern, why in _UNSTABLE if pattern.search(text)), None)


def until_refused(case: Case, expected: Played, got: Played) -> tuple[Played, Played]:
    """
    Both plays, up to an ``msg_apply_changes`` that ours refuses inside Kamailio, as docs/deviations.md says.

    It breaks the message; the real one says so with 0, and crashes at the next step. Nothing behind it can be compared.
    """
    applied = ("Core.ModF", "msg_apply_changes")
    for number, pair in enumerate(zip(expected.answers, got.answers, strict=False)):
        if case.steps[number] == applied and pair == (0, -1):
            cut = [replace(side, answers=side.answers[:number], forwarded=(), replies=()) for side in (expected, got)]
            return cut[0], cut[1]
    return expected, got
