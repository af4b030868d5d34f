"""
Which regular expressions the C library survives, and what a host says where it cannot evaluate one.

Standard library only: it is imported by the Python that Kamailio embeds.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from runner.errors import CallRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BACKSLASH = b"\\"[0]
_MOST_BRACKETS = 2000  # regcomp of glibc calls itself for each, until there is no stack
_MOST_REPEATED = 10_000  # it repeats what is repeated, and what is in that
_MOST_PLACES = 5000
# Without a step back, so that a brace with a million blanks takes as long to read as it is.
_REPETITION = re.compile(r"\{[ ]*+([0-9]{0,9}+)[ ]*+(?:,[ ]*+([0-9]{0,9}+)[ ]*+)?\}")


class CannotEvaluate(Exception):
    """A getter, setter or transformation fails, or the expression is malformed: IsNull is -1, GetS null."""


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


def until_separator(text: bytes) -> bytes:
    """The expression of a substitution, ``/expression/replacement/flags`` (core/re.c, subst_parser)."""
    end = 1
    while end < len(text) and (text[end] != text[0] or text[end - 1] == _BACKSLASH):
        end += 1
    return text[1:end]


def places(text: bytes, wanted: bytes, start: int, end: int, *, is_global: bool) -> Iterator[tuple[int, int]]:
    """
    Where another text stands, as modules/textops/textops.c, ki_replace_str_helper, finds it.

    Args:
        text: Is looked through.
        wanted: Not empty.
        start: Where the look begins.
        end: Where the first one has ended; the others may stand behind that.
        is_global: Whether all are wanted.
    """
    at = text.find(wanted, start, end)
    while at >= 0:
        yield at, at + len(wanted)
        if not is_global:
            return
        at = text.find(wanted, at + len(wanted))


def check_places(places: Iterable[tuple[int, int]], body_start: int | None) -> None:
    """
    Look whether Kamailio survives these edits of a message, and makes them in time.

    Kamailio keeps edits of the headers and of the body apart (core/data_lump.c, del_lump). One that begins in the
    headers and ends in the body makes it write behind its memory as soon as the body has another
    (core/msg_translator.c, process_lumps). And for each edit it goes through all that are in front of it.

    Args:
        places: Where each begins and ends. CannotEvaluate ends them.
        body_start: Where the body begins; None: there is none.

    Raises:
        CallRefused: One of them is in both, or there are more than 5,000.
    """
    with contextlib.suppress(CannotEvaluate):
        for number, (start, end) in enumerate(places):
            if body_start is not None and start < body_start < end:
                raise CallRefused("one match begins in the headers and ends in the body")
            if number == _MOST_PLACES:
                raise CallRefused(f"there are more than {_MOST_PLACES} matches, which would hold the server up")
