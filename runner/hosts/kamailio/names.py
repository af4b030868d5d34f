"""
How Kamailio reads the name of a variable: where it ends, its transformations, and their parameters.

Standard library only: it is imported by the Python that Kamailio embeds. Follows core/pvapi.c (pv_locate_name,
pv_parse_spec2, tr_lookup) and modules/pv/pv_trans.c (_tr_parse_sparamx). What Kamailio might read otherwise, it does
not read at all: a brace in a text, a regular expression with one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[\w.?]*", re.ASCII)
_BLANKS = re.compile(r"[ \t\r\n]*")
_BLANKS_OF_PARAMETERS = re.compile(r"[ \t\n]*")
_TEXT = re.compile(r"[^\t\n,}]*")
_NAME_OF_A_LINK = re.compile(r"[^,{}$]*")
_WITHOUT_BRACES = re.compile(r"[^{}]*")
_UP_TO_A_COMMA = re.compile(r"[^{},]*")
_REGULAR_EXPRESSION = "re."
_DEEPEST = 8  # variables in parameters of variables


def is_one(name: str) -> bool:
    """Whether a name is one expression and nothing else; Kamailio gives nothing for any other."""
    if not name.startswith("$"):
        return False
    if name.startswith("$$"):
        return len(name) == len("$$")
    at = _end(_NAME, name, 1)
    return _closing(name, at, "()") == len(name) if name.startswith("(", at) else 1 < at == len(name)


def split(name: str) -> tuple[str, list[str]] | None:
    """
    A variable, and what is in the braces of its transformations.

    Args:
        name: ``$(var(x)[0]{s.rm,a}{s.len})`` gives ``var(x)[0]`` and ``s.rm,a``, ``s.len``.

    Returns:
        None for anything else than ``$(...)`` as a whole.
    """
    if not name.startswith("$("):
        return None
    links: list[str] = []
    at = _behind_the_variable(name)
    inner = name[2:at]
    end = _behind_the_links(name, at, links, 0)
    return (inner, links) if end is not None and name[end:] == ")" else None


def parameters(text: str, *, may_end_with_comma: bool) -> list[str] | None:
    """
    The parameters of a transformation of text, as written; None when Kamailio refuses them.

    Args:
        text: What is behind the first comma.
        may_end_with_comma: Whether the transformation takes one parameter, and a comma at its end as part of it.
    """
    found: list[str] = []
    at = 0
    while True:
        at = _end(_BLANKS_OF_PARAMETERS, text, at)
        begin = at
        if text.startswith("$", at):
            behind = _behind(text, at, 0)
            if behind is None:
                return None
            at = behind
        else:
            at = _end(_TEXT, text, at)
            if may_end_with_comma and text.startswith(",", at):
                at += 1
        found.append(text[begin:at])
        at = _end(_BLANKS_OF_PARAMETERS, text, at)
        if at == len(text):
            return found
        if text[at] != ",":
            return None
        at += 1


def behind(text: str, at: int) -> int | None:
    """The offset behind the expression whose ``$`` is at ``at``; None when there is none."""
    return _behind(text, at, 0)


def within(text: str) -> Iterator[tuple[str, bool]]:
    """
    Each expression in a text, and whether it is one; where it has a name but no end, the rest of the text.

    What follows such a ``$`` is looked at as well, so nothing that Kamailio might evaluate is left out. Each takes as
    long as the rest of the text is, so who reads a text of a script stops after some. A ``$`` without a name is none.
    """
    at = text.find("$")
    while at >= 0:
        end = at + 2 if text.startswith("$$", at) else behind(text, at)
        if end is not None or text.startswith("(", _end(_NAME, text, at + 1)):
            yield text[at:end], end is not None
        at = text.find("$", at + 1 if end is None else end)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where the match at ``at`` ends; each of these patterns matches an empty text."""
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _closing(text: str, at: int, brackets: str) -> int | None:
    """The offset behind the bracket that closes the one at ``at``."""
    depth = 0
    for found in re.compile(f"[{re.escape(brackets)}]").finditer(text, at):
        depth += 1 if found[0] == brackets[0] else -1
        if depth == 0:
            return found.end()
    return None


def _behind_the_variable(text: str, at: int = 0) -> int:
    """The offset behind the name and index of the ``$(`` at ``at``; where a bracket does not close, that bracket's."""
    at = _end(_NAME, text, at + len("$("))
    for brackets in ("()", "[]"):
        if text.startswith(brackets[0], at):
            at = _closing(text, at, brackets) or at
    return at


def _behind(text: str, at: int, depth: int) -> int | None:
    """The offset behind the expression that begins at ``at``; None when there is none."""
    if not text.startswith("$(", at):
        behind = _end(_NAME, text, at + 1)
        if behind == at + 1:
            return None
        return _closing(text, behind, "()") if text.startswith("(", behind) else behind
    end = _behind_the_links(text, _behind_the_variable(text, at), [], depth)
    return end + 1 if end is not None and text.startswith(")", end) else None


def _behind_the_links(text: str, at: int, links: list[str], depth: int) -> int | None:
    """The offset behind the last brace of the transformations that begin at ``at``; adds each to ``links``."""
    while text.startswith("{", at):
        end = _behind_a_link(text, at + 1, depth)
        if end is None or not text.startswith("}", end):
            return None
        links.append(text[at + 1 : end])
        at = end + 1
        following = _end(_BLANKS, text, at)
        at = following if text.startswith("{", following) else at
    return at


def _behind_a_link(text: str, at: int, depth: int) -> int | None:
    """The offset of the brace that closes a transformation whose class begins at ``at``."""
    if text.startswith(_REGULAR_EXPRESSION, at):
        return _end(_WITHOUT_BRACES, text, at)
    at = _end(_NAME_OF_A_LINK, text, at)
    while text.startswith(",", at):
        at = _end(_BLANKS_OF_PARAMETERS, text, at + 1)
        if text.startswith("$", at):
            behind = _behind(text, at, depth + 1) if depth < _DEEPEST else None
            if behind is None:
                return None
            at = behind
        at = _end(_UP_TO_A_COMMA, text, at)
    return at
