"""
What a script of KEMI does by functions that keep or change something: flags, tables, routes, replies, the destination.

Those of texts and headers are the steps of ``ksr_steps``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from runner.hosts.embedded import ksr
from runner.installed import version
from runner.ksr.functions import Function, read
from tools.compare import messages
from tools.compare.cases import KSR, MODES, Case, Step
from tools.compare.dice import Dice
from tools.compare.headers import HEADER_NAMES
from tools.compare.steps import header_text
from tools.compare.unstable import is_left_out
from tools.compare.wording import LENGTHS, MARKS, address, number, uri, word

if TYPE_CHECKING:
    from collections.abc import Iterator

_READS = (
    "$ru", "$rU", "$rd", "$rp", "$du", "$mf", "$sf", "$bf", "$rs", "$fs", "$mb", "$hdr(Max-Forwards)", "$route_uri",
    "$rdir", "$sht(table=>a)", "$sht(table=>b)", "$shtex(table=>a)", "$rb", "$cl", "$hdr(X-A)", "$br", "$nh(u)",
)  # fmt: skip
"""What functions may have changed, and reads see."""

_NUMBERS = (0, 1, 2, 3, 5, 10, 31, 32, 69, 70, 71, 255, 256, 5060, 5100, 65536, -1, 2147483647, -2147483648)
_TABLES = ("table", "table", "table", "table", "none", "")
_KEYS = ("a", "b", "c", "x", "A", "", "\u017e", "a b")
_REGEXES = (
    "a",
    "a.*",
    "^a",
    "[0-9]+",
    "lr",
    "ftag=",
    ";LR",
    "(",
    "*",
    "",
    "x|y",
    "\\.",
    "[[:alpha:]]",
    "\u017e",
    "a\nb",
)
_FLAGS = (0, 1, 5, 31, 32, -1, 2147483647)
_MASKS = (0, 1, 2, 4, 8, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 17895, 32767, 65535, -1)

_OWN: dict[str, tuple[str | int, ...]] = {
    "htname": _TABLES,
    "hname": _TABLES,
    "sname": _TABLES,
    "itname": _KEYS,
    "iname": _KEYS,
    "sop": ("re", "sw", "eq", "ew", "ne", "in", "", "x"),
    "rexp": _REGEXES,
    "sre": _REGEXES,
    "exval": (0, 1000, -1),
    "flag": _FLAGS,
    "fval": _FLAGS,
    "branch": (0, 1, 11, 12, -1, 2147483647),
    "mflags": _MASKS,
    "uflags": (0, 1, 2, 4, 7, 8, 15, 16, -1),
    "dir": ("upstream", "downstream", "UpStream", "", "up"),
    "sparam": (";a=b", ";c", "x", "", ";d=\u017e", ";e=" + "x" * 200),
    "sparams": (";a=b", ";c", "x", "", ";d=\u017e"),
    "addr1": ("192.0.2.9:5080", "a.example", "", "a.example;transport=tcp"),
    "addr2": ("192.0.2.8", "", "b.example:5061"),
    "addr": ("192.0.2.9:5080", "a.example", "", "x" * 127, "x" * 128),
    "port": ("5080", "0", "", "abc", "1234567", "12345678"),
    "vmode": (0, 1, 2, -1),
    "vmethod": ("INVITE", "invite", "I", "IBO", "INVITE|BYE", "|", "X", "X|INVITE", "", "R", "BYE|", "Q"),
    "sproto": ("udp", "U", "TS", "", "x"),
    "sockname": ("main", "alt", "", "x", "MAIN"),
    "limit": (0, 1, 10, 70, 71, 255, 256, -1),
    "code": (-1, 0, 70, 100, 180, 200, 302, 404, 486, 500, 699),
    "reason": ("OK", "Not Here", "", "x" * 100, "\u017elu\u0165", "a;b,c <d>"),
    "hadd": ("X-A: 1\r\n", "X-B: a\r\n b\r\n", "Contact: <sip:i@i.example>\r\n"),
    "sz": (0, 1, 16, 32, -1, 2147483647),
    "percent_par": (0, 1, 50, 100, 101, -1),
}
"""By the name of a parameter in Kamailio's sources: what its functions do something with."""

_SAFE = {"addr", "reason", "hadd"}  # what breaks a message or a reply is no question of the function

OF_TEXTS = {"kx", "pvx", "siputils", "textops", "textopsx"}
"""Modules whose functions ``ksr_steps`` calls."""

NOT_PLAYED = {
    "cfgutils.rand_event": "it is of chance",
    **dict.fromkeys(
        (f"xlog.x{level}" for level in ("alert", "crit", "dbg", "err", "info", "notice", "warn")),
        "it only logs, and tests/kamailio/test_ksr_compared.py compares it",
    ),
}
"""Functions that are left out, with the reasons."""


def _uri(dice: Dice) -> str:
    return dice.one(
        uri(dice), "sip:127.0.0.1:5100", "sip:127.0.0.1", "sip:203.0.113.5:5070", "sips:127.0.0.1:5100;transport=tcp",
        "127.0.0.1", "localhost", "sip:a@127.0.0.1:5101;transport=udp", "", "sip:",
    )  # fmt: skip


def _text(dice: Dice) -> str:
    if dice.maybe(0.6):
        return dice.made(uri, word, number, address)
    return dice.one(dice.of(MARKS), "", "x" * dice.of(LENGTHS), "\u017elu\u0165", dice.of(HEADER_NAMES), "X-A: 1\r\n")


def _argument(dice: Dice, kind: str, name: str) -> str | int:
    own = _OWN.get(name)
    if own is not None and (name in _SAFE or dice.maybe(0.95)) and type(own[0]) is (str if kind == "str" else int):
        return dice.of(own)
    if kind != "str":
        return dice.of(_NUMBERS)
    if name == "txt":
        return header_text(dice).replace("Via:", "X-Via:")
    return (_uri if name.endswith("uri") or dice.maybe(0.1) else _text)(dice)


@cache
def functions() -> tuple[Function, ...]:
    """Those that are compared: the embedded host has them, and a script may call them in this Kamailio."""
    return tuple(
        each
        for each in read(version())
        if each.full_name in ksr.FUNCTIONS.keys() - NOT_PLAYED.keys() and each.module not in OF_TEXTS
    )


def _call(dice: Dice) -> Step:
    module = dice.one("", dice.of(sorted({each.module for each in functions()})))
    function = dice.of([each for each in functions() if each.module == module])
    arguments = (
        dice.of(HEADER_NAMES)
        if function.module == "hdr" and each.name in {"hname", "hrm"}
        else _argument(dice, each.kind, each.name)
        for each in function.parameters
    )
    return (KSR, function.full_name, *arguments)


def _read(dice: Dice) -> Step:
    return (KSR, "pv.get", dice.of(_READS))


def case(seed: int, number_: int) -> Case:
    """Case number n of a seed: the same wherever and whenever it is made, on the same version of Kamailio."""
    dice = Dice(f"ksr {seed}:{number_}")
    message = messages.message(dice)
    steps: list[Step] = []
    for _ in range(dice.randrange(5, 30)):
        steps.append(_call(dice))
        if dice.maybe(0.5):
            steps.append(_read(dice))
        if dice.maybe(0.05):
            steps.append((KSR, "textopsx.msg_apply_changes"))
    made = tuple(step for step in steps if not is_left_out(step))
    return Case(message, made, dice.of(MODES), dice.one("main", "main", "main", "alt"))


def cases(seed: int, first: int = 0) -> Iterator[Case]:
    """All cases of a seed from that number on."""
    number_ = first
    while True:
        yield case(seed, number_)
        number_ += 1
