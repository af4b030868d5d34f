"""
What stands between the quotes of a kamailio.cfg: writing strings, and quoting a path and its parameter.

Must not know tokens or files.
"""

from __future__ import annotations

import re

# In a quoted path a backslash makes the next character itself. A variable's value gets its backslashes from
# Kamailio: {s.escape.common} puts one before ", ' and \ (and makes a NUL \0), measured on 5.6.3.
ESCAPE_VALUE = "{s.escape.common}"
NEEDS_QUOTES = re.compile(r"[\s\"\\]|^$")
ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a"}
# A dot belongs to the name: Kamailio 5.6.3 refuses "$rd.exe" and takes "$(rd).exe".
NAME = re.compile(r"[A-Za-z0-9_.]+|\?")


def literal(value: str, quote: str = '"') -> str:
    """
    A string of the configuration with this value.

    Single quotes are used where they save backslashes, or where ``quote`` asks for them and they are possible.
    """
    is_plain = not re.search(r"[\n\r\t\a\b'\0]", value)
    if is_plain and (quote == "'" or '"' in value or "\\" in value):
        return f"'{value}'"
    return '"' + "".join(ESCAPED.get(character, character) for character in value) + '"'


def has_variable(value: str) -> bool:
    """Whether Kamailio fills in something at run time; ``$$`` is a dollar sign."""
    return any(is_variable for _, is_variable in pieces(value))


def pieces(value: str) -> list[tuple[str, bool]]:
    """A value in order: text, and variables (True) such as ``$ru``, ``$var(x)`` and ``$(ru{s.len})``."""
    found: list[tuple[str, bool]] = []
    at = text_from = 0
    while (at := value.find("$", at)) >= 0:
        if value.startswith("$$", at):
            at += 2
            continue
        end = _end(value, at)
        if end == at + 1:
            at += 1
            continue
        if at > text_from:
            found.append((value[text_from:at], False))
        found.append((value[at:end], True))
        at = text_from = end
    if text_from < len(value):
        found.append((value[text_from:], False))
    return found


def needs_quotes(path: str) -> bool:
    """Whether a path could be cut at a blank, or its quotes misread."""
    return bool(NEEDS_QUOTES.search(path)) or has_variable(path)


def quoted(path: str) -> str:
    """A path in the quotes of ``mono_exec``'s one argument; Kamailio fills in its variables."""
    return f'"{inside_quotes(path)}"'


def inside_quotes(path: str) -> str:
    """A path, or a part of one, as it stands in those quotes."""
    parts = [
        _escaping(part) if is_variable else part.replace("\\", "\\\\").replace('"', '\\"')
        for part, is_variable in pieces(path)
    ]
    return "".join(parts)


def directory_of(path: str) -> str | None:
    """The directory of a path, up to the first variable in it; None when that is not absolute."""
    fixed = next((part for part, is_variable in pieces(path)[:1] if not is_variable), "").replace("$$", "$")
    directory, slash, _ = fixed.rpartition("/")
    return (directory or "/") if slash and fixed.startswith("/") else None


def _end(value: str, at: int) -> int:
    """The end of the variable that begins with the dollar sign at ``at``; ``at + 1`` when it is none."""
    name = NAME.match(value, at + 1)
    stop = name.end() if name else at + 1
    if not value.startswith("(", stop):
        return stop
    depth = 0
    for place in range(stop, len(value)):
        depth += {"(": 1, ")": -1}.get(value[place], 0)
        if depth == 0:
            return place + 1
    return len(value)


def _escaping(variable: str) -> str:
    """``$ru`` as ``$(ru{s.escape.common})``, ``$(ru{s.len})`` as ``$(ru{s.len}{s.escape.common})``."""
    inner = variable[2:-1].rstrip() if variable.startswith("$(") else variable[1:]
    return f"$({inner}{ESCAPE_VALUE})"
