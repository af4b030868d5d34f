# ruff: noqa: ANN001, ANN002, ANN202 - KSR has no types
# mypy: ignore-errors
"""Calls functions of KSR for test_ksr_odd_arguments.py and tells the test by UDP what came; only Kamailio runs it."""

import json
import os
import random
import socket
import sys
from pathlib import Path

import KSR

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from runner.errors import CallRefused
from runner.hosts.kamailio import kemi
from runner.hosts.kamailio.c_locale import CLocale
from runner.hosts.kamailio.host import KamailioHost
from runner.reviewed import ALLOWED

TEXTS = (
    "", " ", "a", "0", "-1", "99999999999", "127.0.0.1", "::1", "[::1", "udp:127.0.0.1:9", "location", "sip:", "sip:@",
    "sip:a@127.0.0.1:9", "sip:b@a.example;lr;x=1", "<sip:x@127.0.0.1:9>;a=b", "tel:+1;x", ":", ";", "=", ",", "*", "/",
    "(", "[", "\\", '"', "<null>", "\r\n", "X-A: b\r\n", "Via: x\r\n", "no colon", "/a/b/", "/(/x/", "a.*", "a=b;c=d",
    "t", "s", ".", "x=>y", "$", "$$", "$(", "$()", "$ru", "$rU", "$rm", "$(ru", "$(ru{", "$(ru{s.len}", "$(ru{s.rm,})",
    "$var(x)", "$avp(x)", "$xavp(a=>b)", "$xavp(a[-1]=>b)", "$hdr(X)", "$rb", "$du", "$fu", "$conid", "$smsbody",
    "$sht(t=>b)", "$var($conid)", "${", "%s%n%x", '{"a": [1, {"b": null}]}', "v=0\r\nm=audio 9 RTP/AVP 0\r\n", "INVITE",
    "INVITE,BYE", "1.2.3.4/24", "1.2.3.4/99", "café", "\0", "a\0b", "\udcff", "\ud800", "a" * 127, "a" * 1023,
    "a" * 70000, "é" * 3000, "sip:" + "a" * 1020, "$" * 300, "(" * 300, "a{1,99}",
    "(" * 30000 + ")" * 30000, "((((a{1,200}){1,200}){1,200}){1,200})", "/(a*)*(a*)*(a*)*b\\1/x/", "To", "Contact",
    "Via", "Content-Type",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 5, 9, 200, 404, 65536, 2147483647, -2147483648)
PLAUSIBLE = (
    "a", "sip:a@127.0.0.1:9", "$var(y)", "1", "X-A", "127.0.0.1", "x=>a", "text/plain", "t", "Contact", "To",
    "location", "eq", "f", "X-B: c\r\n",
)  # fmt: skip
SLEEPS = {"cfgutils.sleep": (0, -1, 11, 2147483647), "cfgutils.usleep": (0, -1, 2147483647)}
MIXES = 40
LONGEST_SEQUENCE = 60
LONGEST_LINE = 3000


class Caller:
    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._test = ("127.0.0.1", int(os.environ["REPORT_TO"]))
        self._last = os.open("last", os.O_WRONLY | os.O_CREAT)

    def child_init(self, _rank):
        return 0

    def exports(self, _msg, file):
        """Write down every function that KSR has here and that a script may call."""
        names = _functions()
        Path(file).write_text(json.dumps([[name.rpartition(".")[0], name] for name in names]), encoding="ascii")
        return self._tell("exports", len(names))

    def ksr(self, msg, function):
        """Call one function with odd arguments."""
        host, sets = KamailioHost(msg, KSR), _sets(function)
        step = max(1, len(sets) // int(os.environ["MOST_SETS"]))
        for number, arguments in enumerate(sets[::step]):
            self._call(host, function, arguments, number)
        return self._tell(function, len(sets))

    def sequence(self, msg, seed):
        """Call functions in any order, and most with plausible arguments."""
        dice, host, names = random.Random(seed), KamailioHost(msg, KSR), _functions()  # noqa: S311  # the same each time
        for number in range(LONGEST_SEQUENCE):
            function = dice.choice(names)
            arguments = [
                dice.choice(NUMBERS if kind != "s" else TEXTS if dice.random() < 0.3 else PLAUSIBLE)
                for kind in _parameters(function)
            ]
            if function not in SLEEPS:
                self._call(host, function, arguments, f"{seed}, {number}")
        return self._tell(seed, LONGEST_SEQUENCE)

    def answers(self, msg, file):
        """Make the calls of a file, [function, arguments] each, and write down what each gave."""
        host, values = KamailioHost(msg, KSR), []
        with CLocale():
            for number, (function, arguments) in enumerate(json.loads(Path(file).read_text("ascii"))):
                self._note(function, number, arguments)
                try:
                    values.append(host.ksr(function, arguments))
                except CallRefused as error:
                    values.append({"refused": str(error)})
        Path(f"{file}.answers").write_text(json.dumps(values), encoding="ascii")
        return self._tell(file, len(values))

    def unguarded(self, _msg, function):
        """As it were without guards and refusals, for a function that takes nothing."""
        module, _, name = function.rpartition(".")
        return self._tell(function, getattr(getattr(KSR, module), name)())

    def over(self, *_):
        """What the routing script does last, after all that may go wrong once a function has run."""
        return self._tell("over", 0)

    def _call(self, host, function, arguments, number):
        self._note(function, number, arguments)
        with CLocale():  # as app_mono.py does
            try:
                host.ksr(function, list(arguments))
            except CallRefused:
                return

    def _note(self, function, number, arguments):
        """What is called stands in a file, for the case that it is the last call of this process."""
        shown = [argument if type(argument) is int else argument[:60] for argument in arguments]
        text = json.dumps([function, number, shown]).encode("ascii")
        os.pwrite(self._last, text.ljust(LONGEST_LINE), 0)

    def _tell(self, name, value) -> int:
        self._socket.sendto(json.dumps([name, value]).encode("ascii"), self._test)
        return 1


def _functions():
    modules = {"": KSR} | {name: found for name, found in vars(KSR).items() if type(found) is type(KSR)}
    names = [f"{module}.{name}" if module else name for module, has in modules.items() for name in vars(has)]
    return sorted(ALLOWED.intersection(names))


def _parameters(function):
    module, _, name = function.rpartition(".")
    signature = kemi.Kemi().signature(module, name)
    return "" if signature is None else signature.parameters


def _sets(function):
    """Arguments for a function: each oddity in all places, then in one, then any mixture; the same each time."""
    parameters, numbers = _parameters(function), SLEEPS.get(function, NUMBERS)
    if not parameters:
        return [[]]
    dice = random.Random(17)  # noqa: S311  # the same arguments each time
    sets = [[text if kind == "s" else numbers[number % len(numbers)] for kind in parameters]
            for number, text in enumerate(TEXTS if "s" in parameters else numbers)]  # fmt: skip
    for at, odd_kind in enumerate(parameters):
        for odd in TEXTS if odd_kind == "s" else numbers:
            others = [dice.choice(PLAUSIBLE if kind == "s" else numbers) for kind in parameters]
            sets.append([*others[:at], odd, *others[at + 1 :]])
    for _ in range(MIXES if len(parameters) > 1 else 0):
        mix = [dice.choice(TEXTS if kind == "s" else numbers) for kind in parameters]
        sets.append(mix)
    return sets


def mod_init():
    return Caller()
