# ruff: noqa: ANN001, ANN202 - KSR has no types
# mypy: disable-error-code="import-not-found, no-untyped-def, no-untyped-call"
"""
Plays the cases of test_ksr_parity.py in Kamailio: calls a function of KSR directly, or through PlaysKsr.cs.

Only Kamailio runs it. What came goes to the test by UDP, in the letters of PlaysKsr.cs.
"""

import json
import os
import socket
from pathlib import Path

import app_mono
import KSR

SEPARATOR = "\x1f"
CASES = Path(os.environ["PARITY_CASES"]).read_text("utf-8").splitlines()


class Player:
    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._test = ("127.0.0.1", int(os.environ["REPORT_TO"]))

    def child_init(self, _rank):
        return 0

    def play(self, msg, what):
        """One case; ``what`` is its side and its number."""
        side, number = what.split("-")[:2]
        # Read each time: module counters writes into the texts that it is given.
        function, ret, arguments, before = json.loads(CASES[int(number)])
        for earlier, *given in before:
            _function(earlier)(*given)
        came = _through_c_sharp(msg, function, arguments) if side == "csharp" else _direct(function, ret, arguments)
        self._socket.sendto(json.dumps([what, came]).encode("ascii"), self._test)
        return 1


def _function(name):
    module, _, name = name.rpartition(".")
    return getattr(vars(KSR)[module] if module else KSR, name)


def _direct(function, ret, arguments):
    try:
        value = _function(function)(*arguments)
    except (SystemError, TypeError, ValueError) as error:
        return f"x{error}"
    if ret == "none":
        return "v"
    if value is None:
        return "n"
    if isinstance(value, bool):
        return f"{'b' if ret == 'bool' else 'i'}{int(value)}"
    return f"i{value}" if isinstance(value, int) else f"s{value}"


def _through_c_sharp(msg, function, arguments):
    words = [f"i{argument}" if isinstance(argument, int) else f"s{argument}" for argument in arguments]
    KSR.pv.unset("$var(parity)")
    if app_mono.mono_exec(msg, os.environ["PLAYS_KSR"], SEPARATOR.join([function, *words])) != 1:
        return "xPlaysKsr.exe failed"
    return KSR.pv.get("$var(parity)")


def mod_init():
    return Player()
