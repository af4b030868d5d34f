"""
What may be sent ahead, by name: which group a variable belongs to, and which edits cannot fail.

Both hosts share it, because it follows from Kamailio's names alone. Must not know a message.
"""

from __future__ import annotations

import re

FIXED = ""
"""The group of what is read from the received message: no certain edit changes it."""
R_URI = "ruri"

_FIXED_NAMES = frozenset(
    {"ci", "cs", "rm", "fu", "fU", "fd", "fn", "ft", "tu", "tU", "td", "tn", "tt", "ct", "cT", "cl", "ua", "ai", "di"}
    | {"pu", "ou", "oU", "od", "pr", "proto", "si", "sp", "Ri", "Rp", "rs", "rr"}
)
_R_URI_NAMES = frozenset({"ru", "rU", "rd", "rp", "rP", "rz", "du", "dd", "dp", "dP"})
_NAME = re.compile(
    r"\$(?:\((?P<quoted>[A-Za-z]+)\)|(?P<plain>[A-Za-z]+)"
    r"|(?P<kind>var|avp)\((?P<own>[A-Za-z_][A-Za-z0-9_]*)\)"
    r"|hdr\([A-Za-z0-9-]+\)|\(hdr\([A-Za-z0-9-]+\)(?:\[-?[0-9]+\])?\))"
)


def depends_on(name: str) -> str | None:
    """
    The group of a variable; None for what is not sent ahead.

    Left out are variables of time, process and other processes (``$shv``, hash tables), bodies and whole messages,
    names made of variables, and transformations.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    if found["own"] is not None:
        return f"${found['kind']}({found['own']})"
    letters = found["plain"] or found["quoted"]
    if letters is None or letters in _FIXED_NAMES:
        return FIXED
    return R_URI if letters in _R_URI_NAMES else None


def changes(call: str, target: str) -> tuple[str, str] | None:
    """What an edit changes, and which values it certainly accepts (``runner.calls.Foreseen``)."""
    if call in {"HDR.Append", "HDR.Insert", "HDR.AppendToReply"}:
        return FIXED, "any"
    if call == "HDR.Remove":
        return FIXED, "word"
    if call == "PV.SetS" and target == "$rU":
        return R_URI, "word"
    if call in {"PV.SetS", "PV.SetI"} and target.startswith(("$var(", "$avp(")):
        group = depends_on(target)
        return None if group is None else (group, "any")
    return None


def is_always_certain(call: str, target: str) -> bool:
    """Whether an edit cannot fail on any message."""
    return call == "HDR.AppendToReply" or target.startswith(("$var(", "$avp("))
