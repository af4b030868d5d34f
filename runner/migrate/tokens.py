"""
A kamailio.cfg as tokens, each with its place in the text, read the way Kamailio's own scanner does.

Must not know what a token means, nor read a file. The rules are those of Kamailio 5.6.3, core/cfg.lex.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = Literal["word", "string", "variable", "mark", "define", "condition", "subst", "include", "unread", "comment"]

BLANKS = " \t\b\r"
WORD = re.compile(r"[A-Za-z0-9_]+")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
REGION = re.compile(r"\n[ \t\b\r]*(?:#!|!!)(?:ifdef|ifndef|ifexp|else|endif)\b")
DEFINE = re.compile(r"(?:#!|!!)(?P<how>define|def|trydefine|trydef|redefine|redef)[ \t\b\r]+(?P<name>[A-Za-z_]\w*)")
ENVIRONMENT = re.compile(r"(?:#!|!!)(?:try)?defenvs?[ \t]*(?P<name>[^ \t\r\n=]+)[^ \t\r\n]*")
CONDITION = re.compile(r"(?:#!|!!)(?:(?P<how>ifdef|ifndef)[ \t\b\r]+(?P<name>\w+)|(?P<end>ifexp|else|endif)\b)[^\n]*")
SUBST = re.compile(r"(?:#!|!!)(?P<how>substdefs|substdef|subst)\b")
INCLUDE = re.compile(r"(?:#!|!!)?(?P<how>include_file|import_file)(?![A-Za-z0-9_])[ \t]*(?P<name>[^ \t\r\n]+)")
DATA = re.compile(r"(?:\\\n|[^\n])*")
HEX = re.compile(r"\\x([0-9a-fA-F]{1,2})")
OCTAL = re.compile(r"\\([0-7]{2,3})")
ESCAPES = {"\\n": "\n", "\\r": "\r", "\\a": "\a", "\\t": "\t", '\\"': '"', "\\\\": "\\", "\\\n": ""}


@dataclass(frozen=True, slots=True)
class Token:
    """
    One token: ``text[start:end]`` is its source.

    ``value`` is, of a string, what Kamailio makes of it; of a definition, condition or include, its name; of the rest,
    the source. ``how`` is the keyword of a preprocessor line, and the first quote of a string.
    """

    kind: Kind
    start: int
    end: int
    value: str
    how: str = ""


def tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """
    The tokens of ``text[start:end]`` without blanks; comments are among them.

    Both branches of a condition are read. A string or block comment that runs over the end of its branch shows that
    the branch is prose, and never active: it is one token ``unread``.
    """
    end = len(text) if end is None else end
    depth = 0
    branch = start
    at = start
    while at < end:
        if text[at] in BLANKS or text[at] == "\n" or text.startswith("\\\n", at):
            at += 1
            continue
        token = _next(text, at, end)
        if token.kind == "condition":
            depth += {"ifdef": 1, "ifndef": 1, "ifexp": 1, "endif": -1}.get(token.how, 0)
            branch = token.end
        elif depth > 0 and token.kind in {"string", "comment"} and (over := _runs_over(text, token)) is not None:
            token = Token("unread", branch, over, text[branch:over])
        yield token
        at = max(token.end, at + 1)


def is_mark(token: Token, mark: str) -> bool:
    """Whether a token is this sign, and not a string with the same value."""
    return token.kind == "mark" and token.value == mark


def line_of(text: str, at: int) -> int:
    """The number of the line that holds a place, from 1."""
    return text.count("\n", 0, at) + 1


def _next(text: str, at: int, end: int) -> Token:
    first = text[at]
    if first in "#!" and (token := _directive(text, at, end)) is not None:
        return token
    if first == "#" or text.startswith("//", at):
        line_end = text.find("\n", at, end)
        stop = end if line_end < 0 else line_end
        return Token("comment", at, stop, text[at:stop])
    if text.startswith("/*", at):
        stop = _comment_end(text, at, end)
        return Token("comment", at, stop, text[at:stop])
    if first == '"':
        return _double_quoted(text, at, end)
    if first == "'":
        close = text.find("'", at + 1, end)
        stop = end if close < 0 else close + 1
        return Token("string", at, stop, text[at + 1 : close if close >= 0 else end].partition("\0")[0], "'")
    if first == "$":
        stop = _variable_end(text, at, end)
        return Token("variable", at, stop, text[at:stop])
    if word := WORD.match(text, at, end):
        if include := INCLUDE.match(text, at, end):
            return Token("include", at, include.end(), include["name"], include["how"])
        return Token("word", at, word.end(), word[0])
    return Token("mark", at, at + 1, first)


def _directive(text: str, at: int, end: int) -> Token | None:
    """A preprocessor line; None when it is a comment or an operator."""
    if match := DEFINE.match(text, at, end):
        data = DATA.match(text, match.end(), end)
        stop = data.end() if data else match.end()
        return Token("define", at, stop, match["name"], match["how"])
    if match := CONDITION.match(text, at, end):
        return Token("condition", at, match.end(), match["name"] or "", match["how"] or match["end"])
    if match := ENVIRONMENT.match(text, at, end):
        return Token("define", at, match.end(), match["name"], "defenv")
    if match := INCLUDE.match(text, at, end):
        return Token("include", at, match.end(), match["name"], match["how"])
    if match := SUBST.match(text, at, end):
        return Token("subst", at, match.end(), match["how"], match["how"])
    return None


def definition(text: str, token: Token) -> tuple[int, int]:
    """Where the value of a ``define`` token begins and ends in the text; equal when it has none."""
    match = DEFINE.match(text, token.start)
    if match is None:
        return token.end, token.end
    start = match.end()
    while start < token.end and text[start] in BLANKS:
        start += 1
    return start, token.end


def _double_quoted(text: str, at: int, end: int) -> Token:
    """A string in double quotes and those that follow it directly: Kamailio joins them."""
    value: list[str] = []
    start = at
    while True:
        at += 1
        while at < end and text[at] != '"':
            piece, at = _character(text, at, end)
            value.append(piece)
        at = min(at + 1, end)
        after = at
        while after < end and (text[after] in BLANKS or text[after] == "\n"):
            after += 1
        if after >= end or text[after] != '"':
            # A string of C ends at its first NUL.
            return Token("string", start, at, "".join(value).partition("\0")[0], '"')
        at = after


def _character(text: str, at: int, end: int) -> tuple[str, int]:
    """One character of a double-quoted string, escapes resolved, and the place after it."""
    if text[at] == "\\" and at + 1 < end:
        pair = text[at : at + 2]
        if pair in ESCAPES:
            return ESCAPES[pair], at + 2
        if match := HEX.match(text, at, end):
            return _byte(int(match[1], 16)), match.end()
        if match := OCTAL.match(text, at, end):
            return _byte(int(match[1], 8) & 0xFF), match.end()
    return text[at], at + 1


def _byte(number: int) -> str:
    return bytes([number]).decode("utf-8", "surrogateescape")


def _comment_end(text: str, at: int, end: int) -> int:
    depth = 0
    for match in re.compile(r"/\*|\*/").finditer(text, at, end):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            return match.end()
    return end


def _variable_end(text: str, at: int, end: int) -> int:
    """``$name``, ``$name(...)`` with nested parentheses, ``$(...)``; what is in parentheses is anything at all."""
    name = NAME.match(text, at + 1, end)
    stop = name.end() if name else at + 1
    if not text.startswith("(", stop):
        return max(stop, at + 1)
    depth = 0
    for place in range(stop, end):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place + 1
    return end


def _runs_over(text: str, token: Token) -> int | None:
    """Where the preprocessor line begins that ends the branch inside of a token; None when there is none."""
    if match := REGION.search(text, token.start, token.end):
        return match.start() + 1
    return None
