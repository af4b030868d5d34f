# ruff: noqa: ANN001, ANN202 - KSR has no types
# mypy: disable-error-code="import-not-found, no-untyped-def, no-untyped-call"
"""The script of app_python3 that does with a KamailioHost what PlaysSteps.cs does with SR; only Kamailio runs it."""

import re
import sys
from pathlib import Path

import KSR

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from runner.calls import CALLS
from runner.hosts.kamailio.c_locale import CLocale
from runner.hosts.kamailio.host import KamailioHost


class Player:
    def child_init(self, _rank):
        return 0

    def play(self, msg, file):
        steps = Path(file)
        if not steps.exists():
            return 1
        host = KamailioHost(msg, KSR)
        with CLocale():  # as app_mono.py does
            answers = [_answer(host, line.split(" ")) for line in steps.read_text("ascii").splitlines()]
        Path(f"{file}.answers").write_text("".join(f"{answer}\n" for answer in answers), "ascii")
        return 1


def _answer(host, words):
    call = CALLS[words[0]]
    arguments = [kind(_text(word)) for kind, word in zip(call.parameters, words[1:], strict=True)]
    target = arguments[0] if call.name.startswith("PV.") else ""
    takes = host.changes(call.name, target) if call.is_edit else None
    is_certain = takes is not None and (host.is_always_certain(call.name, target) or host.is_certain(call.name, target))
    value = getattr(host, call.method)(*arguments)
    if is_certain and takes and value != 0 and _surely_taken(takes[1], arguments[-1]):
        return f"declared certain, but {value!r}"
    if value is None:
        return "n"
    if isinstance(value, str):
        return f"s:{value.encode('utf-16-be', 'surrogatepass').hex()}"
    return f"i:{int(value)}" if type(value) is int else f"not a number: {value!r}"


def _surely_taken(takes, given):
    # As bridge/Foresight.cs has it.
    if isinstance(given, int):
        return True
    pattern = "[A-Za-z0-9+*#._-]{1,256}" if takes == "word" else "[^\\0\ud800-\udfff]{1,8192}"
    return re.fullmatch(pattern, given) is not None


def _text(word):
    return bytes.fromhex(word[1:]).decode("utf-16-be", "surrogatepass")


def mod_init():
    return Player()
