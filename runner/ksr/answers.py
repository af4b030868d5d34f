"""
Answers that a developer gives for functions of KEMI, read and checked against the lists of functions.

Must not know a script or a message.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING

from runner.errors import ConfigError
from runner.hosts.answered import Answer

from . import functions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from runner.hosts.answered import Value

OPTION, TABLE = "--answer", "[answers]"
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}
_NEAR = 3  # names that an error suggests
_INT_BITS, _LONG_BITS = 31, 63

# These come as a text for the log, which needs no answer: bridge/Calls.cs, Levels.
_LOGS = frozenset({"crit", "err", "warn", "notice", "info", "dbg"})

# What a function can give, by the type that the lists name: how an error says it.
_GIVES = {
    "none": "nothing: null",
    "int": "a number",
    "bool": "true or false",
    "str": 'a text, in quotes where it looks like another value: "1"',
    "xval": "a number, a text or null",
}


def checked(table: Mapping[str, Value], options: Sequence[str] = ()) -> dict[str, Answer]:
    """
    The answers by function, without ``KSR.``; an option outweighs the table.

    Args:
        table: The table ``[answers]`` of the settings.
        options: What came with ``--answer``, each ``FUNCTION=VALUE``; of several for one function the last one counts.

    Raises:
        ConfigError: There is no such function, it cannot give that value, or an option has another form.
    """
    if not table and not options:
        return {}
    kinds = _kinds()
    found = {_checked(name, value, kinds, f"{TABLE} {name}"): Answer(value, TABLE) for name, value in table.items()}
    for option in options:
        name, is_pair, text = option.partition("=")
        if not is_pair or not name:
            raise ConfigError(f"{OPTION} {option}: expected FUNCTION=VALUE, for example tm.t_relay=1")
        value = value_of(text)
        found[_checked(name, value, kinds, f"{OPTION} {option}")] = Answer(value, OPTION)
    return found


def value_of(text: str) -> Value:
    """
    A value as it is written on the command line.

    Digits are a number, ``true`` and ``false`` are truth values, ``null`` is nothing. Anything else is a text, and so
    is what stands in double quotes.
    """
    if _NUMBER.fullmatch(text):
        return int(text)
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return _WORDS.get(text, text)


def _checked(name: str, value: Value, known: Mapping[str, Collection[str]], where: str) -> str:
    """The function's name; raises when it cannot give this value."""
    function = name.removeprefix("KSR.")
    kinds = known.get(function)
    if kinds is None:
        near = difflib.get_close_matches(function, known, n=_NEAR)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; app-mono ksr list shows all"
        raise ConfigError(f"{where}: there is no function KSR.{function}{hint}")
    if function in _LOGS:
        raise ConfigError(f"{where}: KSR.{function} writes to the log here, too, and takes no answer")
    if not any(_can_give(kind, value) for kind in kinds):
        gives = " or ".join(_GIVES.get(kind, kind) for kind in sorted(kinds))
        raise ConfigError(f"{where}: KSR.{function} gives {gives}, but {_said(value)} came")
    return function


def _can_give(kind: str, value: Value) -> bool:
    match value:
        case None:
            return kind in {"none", "xval"}
        case bool():
            return kind == "bool"
        case int():
            bits = {"int": _INT_BITS, "xval": _LONG_BITS}.get(kind)
            return bits is not None and -(1 << bits) <= value < 1 << bits
        case str():
            return kind in {"str", "xval"}


def _said(value: Value) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return f"the text {said}" if isinstance(value, str) else said


def _kinds() -> dict[str, set[str]]:
    """What each function gives; one that takes different parameters may give different things."""
    found: dict[str, set[str]] = {}
    for version in functions.VERSIONS:
        for each in functions.read(version):
            found.setdefault(each.full_name, set()).add(each.ret)
    return found
