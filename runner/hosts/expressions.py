"""
Which regular expressions the C library survives.

Standard library only: it is imported by the Python that Kamailio embeds.
"""

from __future__ import annotations

import re

_MOST_BRACKETS = 2000  # regcomp of glibc calls itself for each, until there is no stack
_MOST_REPEATED = 10_000  # it repeats what is repeated, and what is in that
# Without a step back, so that a brace with a million blanks takes as long to read as it is.
_REPETITION = re.compile(r"\{[ ]*+([0-9]{0,9}+)[ ]*+(?:,[ ]*+([0-9]{0,9}+)[ ]*+)?\}")


def is_too_deep(text: str) -> bool:
    """Whether a text would end or hang a process as a regular expression, which it may be in many places."""
    if text.count("(") > _MOST_BRACKETS:
        return True
    times = 1
    for found in _REPETITION.finditer(text) if "{" in text else ():
        times *= max(int(found[1] or 0), int(found[2] or 0), 1)
        if times > _MOST_REPEATED:
            return True
    return False
