"""
What may be sent ahead, by name: which group a variable belongs to, and which edits cannot fail.

Both hosts share it, because it follows from Kamailio's names alone. Must not know a message.
"""

from __future__ import annotations

import re

from runner.calls import CALLS

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


BY_NAME = "name"
"""The group of the variable that the argument names."""

# What functions of KEMI read that change nothing, cannot fail, and are not slow (core/kemi.c, modules/pv/pv.c,
# modules/kemix/kemix_mod.c).
KSR_READS = {
    "pv.get": BY_NAME,
    "pv.gete": BY_NAME,
    "pv.is_null": BY_NAME,
    "kx.get_callid": FIXED,
    "kx.get_furi": FIXED,
    "kx.get_fuser": FIXED,
    "kx.get_fhost": FIXED,
    "kx.get_turi": FIXED,
    "kx.get_tuser": FIXED,
    "kx.get_thost": FIXED,
    "kx.get_method": FIXED,
    "kx.get_srcip": FIXED,
    "kx.get_srcport": FIXED,
    "kx.get_ua": FIXED,
    "kx.get_ruri": R_URI,
    "kx.get_ruser": R_URI,
    "kx.get_rhost": R_URI,
}


def depends_on(call: str, name: str) -> str | None:
    """
    The group of what a call reads; None for what is not sent ahead.

    Left out are variables of time, process and other processes (``$shv``, hash tables), bodies and whole messages,
    names made of variables, and transformations.

    Args:
        call: ``PV.GetS`` and its like, or a function of KEMI.
        name: The variable, or the function's argument.
    """
    group = BY_NAME if call in CALLS else KSR_READS.get(call)
    return _group_of(name) if group is BY_NAME else group


def _group_of(name: str) -> str | None:
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
        group = _group_of(target)
        return None if group is None else (group, "any")
    return None


def is_always_certain(call: str, target: str) -> bool:
    """Whether an edit cannot fail on any message."""
    return call == "HDR.AppendToReply" or target.startswith(("$var(", "$avp("))
