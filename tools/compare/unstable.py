"""
What a real Kamailio itself makes unstable: the one list of what is not compared, each with its reason.

A pattern is searched in the step as it is printed. As short as possible: what only looks unstable is asked of the real
Kamailio again, in a fresh process, before it counts as a difference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.compare.cases import Step

UNSTABLE = (
    (r"\$\(?(T[bSsfFV]\b|time|utime|TV)", "the time"),
    (r"\$\(?(pp|mi|sruid)\b", "numbers of the process, and of the messages it had"),
    (r"\$\(?(stat|version|ksr)\b", "counters and the version of the server"),
    (r"\{uri\.(saor|suri|duri)", "one byte behind the scheme is left unwritten (pv_trans.c, TR_URI_SAOR)"),
    (r"\{s\.(rbefore|encode\.7bit|decode\.7bit)", "reads past the end of the value"),
    (r"\{urialias\.decode", "the old content of a buffer of 64 KiB"),
    (r"\$\(?T\(id_", "makes a transaction, and the same message is a retransmission then"),
)
_UNSTABLE = [(re.compile(pattern, re.IGNORECASE), reason) for pattern, reason in UNSTABLE]


def reason(step: Step) -> str | None:
    """Why the answer of a step is not compared; None when it is."""
    text = " ".join(map(str, step))
    return next((why for pattern, why in _UNSTABLE if pattern.search(text)), None)
