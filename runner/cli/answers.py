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
from runner.ksr import functions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.hosts.answered import Value
    from runner.ksr.functions import Function

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
    known = _by_name()
    given: list[tuple[str, Value, str, str]] = [
        (name, value, TABLE, f"{TABLE} {name}") for name, value in table.items()
    ]
    for option in options:
        name, is_pair, text = option.partition("=")
        if not is_pair or not name:
            raise ConfigError(f"{OPTION} {option}: expected FUNCTION=VALUE, for example tm.t_relay=1")
        given.append((name, value_of(text), OPTION, f"{OPTION} {option}"))
    found = {}
    for name, value, given_by, where in given:
        forms = _checked(name, value, known, where)
        found[forms[0].full_name] = Answer(value, given_by, tuple(dict.fromkeys(form.kinds for form in forms)))
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


def _checked(name: str, value: Value, known: Mapping[str, Sequence[Function]], where: str) -> Sequence[Function]:
    """The function in each of its forms; raises when it cannot give this value."""
    function = name.removeprefix("KSR.")
    forms = known.get(function)
    if forms is None:
        near = difflib.get_close_matches(function, known, n=_NEAR)
        hint = f"; did you mean {' or '.join(near)}?" if near else "; app-mono ksr list shows all"
        raise ConfigError(f"{where}: there is no function KSR.{function}{hint}")
    if function in _LOGS:
        raise ConfigError(f"{where}: KSR.{function} writes to the log here, too, and takes no answer")
    kinds = sorted({form.ret for form in forms})
    if not any(_can_give(kind, value) for kind in kinds):
        gives = " or ".join(_GIVES.get(kind, kind) for kind in kinds)
        raise ConfigError(f"{where}: KSR.{function} gives {gives}, but {_said(value)} came")
    return forms


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


def _by_name() -> dict[str, list[Function]]:
    """The functions of all versions; one that takes different parameters is there several times."""
    found: dict[str, list[Function]] = {}
    for version in functions.VERSIONS:
        for each in functions.read(version):
            found.setdefault(each.full_name, []).append(each)
    return found
