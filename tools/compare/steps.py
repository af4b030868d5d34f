"""What a script does: reads, writes with reads behind them, edits of headers, functions of modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.hosts.embedded.modf import FUNCTIONS
from tools.compare import expressions, messages
from tools.compare.cases import MODES, Case, Step
from tools.compare.dice import Dice
from tools.compare.expressions import VARIABLES, expression
from tools.compare.headers import HEADER_NAMES, HEADERS, line
from tools.compare.unstable import is_left_out
from tools.compare.wording import LENGTHS, MARKS, address, number, uri, word

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEND = {"sl_forward_reply", "forward_reply", "t_newtran"}
_MODF = (*(name for name in FUNCTIONS if name not in _SEND), "sl_reply_error", "is_method", "nonsense", "forward", "")
WRITABLE = [v for v in VARIABLES if v.is_writable]
_VALUES = ("udp:127.0.0.1:5100", "udp:127.0.0.1:5101", "udp:127.0.0.1:9", "\u017elu\u0165", "a\0b", "main")
READ = ("PV.GetS", "PV.GetS", "PV.GetS", "PV.GetI", "PV.IsNull")


def _read(dice: Dice) -> Step:
    return (dice.of(READ), expression(dice))


def _target(dice: Dice) -> str:
    if dice.maybe(0.1):
        return expression(dice)
    variable = dice.of(WRITABLE)
    if variable.parse_name is None:
        return f"${variable.name}"
    name = dice.of(expressions.NAMES[variable.name] or ("a",))
    return dice.one(
        f"${variable.name}({name})",
        f"${variable.name}({name})",
        f"$({variable.name}({name})[{dice.one(0, 1, '*', -1)}])",
    )


def _value(dice: Dice) -> str:
    if dice.maybe(0.6):
        return dice.made(uri, uri, word, number, address)
    return dice.one(dice.of(MARKS), "", "x" * dice.of(LENGTHS), *_VALUES)


def _write(dice: Dice) -> list[Step]:
    target = _target(dice)
    match dice.randrange(5):
        case 0:
            step: Step = ("PV.Unset", target)
        case 1:
            step = ("PV.SetI", target, dice.one(0, 1, -1, 5, 42, 255, 5060, 65536, 2147483647, -2147483648))
        case _:
            step = ("PV.SetS", target, _value(dice))
    return [step, *((dice.of(READ), target) for _ in range(dice.randrange(3)))]


def header_text(dice: Dice) -> str:
    """A header line that does no harm where it is put."""
    name = dice.of(tuple(HEADERS))
    text = line(dice, name, HEADERS[name](dice).replace("\0", ""))
    # What joins the lines around it, or makes the first header no Via, can crash a real Kamailio later.
    return text if text.endswith("\r\n") and ":" in text and not text[0].isspace() else "X-A: 1\r\n"


def _edit(dice: Dice) -> list[Step]:
    match dice.randrange(5):
        case 0 | 1:
            steps: list[Step] = [("HDR.Append", header_text(dice))]
        case 2:
            steps = [
                (
                    "HDR.Insert",
                    dice.one("X-I: 1\r\n", "Subject: i\r\n", "Contact: <sip:i@i.example>\r\n", "X-I: a\r\n b\r\n"),
                )
            ]
        case 3:
            name = dice.of(HEADER_NAMES)
            steps = [("HDR.Remove", name if name.lower() not in {"via", "v"} else "Max-Forwards")]
        case _:
            steps = [("HDR.AppendToReply", dice.one("X-R: 1\r\n", "Contact: <sip:r@r.example>\r\n", "", "X-R: a"))]
    if dice.maybe(0.3):
        steps.append(("Core.ModF", "msg_apply_changes"))
        steps += [_read(dice) for _ in range(dice.randrange(5))]
    return steps


def _function(dice: Dice) -> list[Step]:
    return [("Core.ModF", dice.of(_MODF)), _read(dice)]


_STATE = {"var": "$var({})", "vn": "$vn({})", "vz": "$vz({})", "shv": "$shv({})"}
_STATE_NAMES = ("a", "b", "c", "x")


def case(seed: int, number_: int) -> Case:
    """Case number n of a seed: the same wherever and whenever it is made."""
    dice = Dice(f"{seed}:{number_}")
    message = messages.message(dice)
    steps: list[Step] = []
    kind = dice.random()
    count = dice.randrange(20, 60)
    while len(steps) < count:
        chance = dice.random()
        if kind < 0.5 or chance < 0.6:
            steps.append(_read(dice))
        elif chance < 0.8:
            steps += _write(dice)
        elif chance < 0.92:
            steps += _edit(dice)
        else:
            steps += _function(dice)
    made = tuple(step for step in steps if not is_left_out(step))
    return Case(message, made, dice.of(MODES), dice.one("main", "main", "main", "alt"))


def cases(seed: int, first: int = 0) -> Iterator[Case]:
    """All cases of a seed from that number on."""
    number_ = first
    while True:
        yield case(seed, number_)
        number_ += 1
