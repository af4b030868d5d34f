# ruff: noqa: ANN001, ANN202 - KSR has no types
# mypy: disable-error-code="import-not-found, no-untyped-def, no-untyped-call"
"""The script of app_python3 that does with a KamailioHost what PlaysSteps.cs does with SR; only Kamailio runs it."""

import sys
from pathlib import Path

import KSR

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from runner.calls import CALLS
from runner.hosts.kamailio import KamailioHost


class Player:
    def child_init(self, _rank):
        return 0

    def play(self, msg, file):
        steps = Path(file)
        if not steps.exists():
            return 1
        host = KamailioHost(msg, KSR)
        answers = [_answer(host, line.split(" ")) for line in steps.read_text("ascii").splitlines()]
        Path(f"{file}.answers").write_text("".join(f"{answer}\n" for answer in answers), "ascii")
        return 1


def _answer(host, words):
    call = CALLS[words[0]]
    arguments = [kind(_text(word)) for kind, word in zip(call.parameters, words[1:], strict=True)]
    value = getattr(host, call.method)(*arguments)
    if value is None:
        return "n"
    if isinstance(value, str):
        return f"s:{value.encode('utf-16-be', 'surrogatepass').hex()}"
    return f"i:{int(value)}" if type(value) is int else f"not a number: {value!r}"


def _text(word):
    return bytes.fromhex(word[1:]).decode("utf-16-be", "surrogatepass")


def mod_init():
    return Player()
