# ruff: noqa: ANN001, ANN201, ANN202, ANN204, D101, D102, D103 - KSR has no types, and Kamailio calls by name
# mypy: disable-error-code="import-not-found, no-untyped-def, no-untyped-call, operator"
"""Player.cs for a Kamailio without app_mono: the same steps by KEMI, in the Python of app_python3."""

import base64
import os
import re
import sys
from pathlib import Path

import KSR

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from runner.errors import RunnerError
from runner.hosts.kamailio import functions, names
from runner.hosts.kamailio.c_locale import CLocale
from runner.hosts.kamailio.host import KamailioHost

_CHUNK_BYTES = 16000  # {s.encode.hexa} has a buffer of 65536 bytes
_PRINTED = "$var(compare_printed)"
_COUNTS = re.compile(r"\$\(?sh(tinc|tdec|vinc)\(")  # a second question would count once more


class Player:
    def __init__(self):
        self._pipe = -1

    def child_init(self, _rank):
        return 0

    def play(self, msg, text):
        word, directory = text.split(" ", 1)
        if self._pipe < 0:
            self._pipe = os.open(f"{directory}/answers", os.O_WRONLY)
        self._say(word)
        if word != "play":
            return 1
        lines = Path(directory, "steps").read_text("ascii").splitlines()
        with CLocale():  # that of app_mono, and of ours
            self._run(msg, lines)
        self._say("played")
        return 1

    def _run(self, msg, lines):
        host = KamailioHost(msg, KSR)
        calls = _CALLS | {"KSR": lambda _, function, *arguments: host.ksr(function, [*arguments])}
        for line in lines:
            call, *words = line.split("\t")
            arguments = [_argument(argument) for argument in words]
            try:
                answer = _NULL.get(call, -1) if None in arguments else calls[call](msg, *arguments)
            except RunnerError:  # a function that KEMI cannot call without harm
                self._say("-")
                continue
            except Exception as error:  # noqa: BLE001 - an answer as well
                self._say(f"x{type(error).__name__}")
                continue
            self._say(_word(answer))

    def _say(self, line):
        data = f"{line}\n".encode("ascii")
        while data:
            data = data[os.write(self._pipe, data) :]


def _argument(word):
    if word == "n":
        return None
    if word[0] == "i":
        return int(word[1:])
    text = base64.b64decode(word[1:]).decode("utf-16-le", "surrogatepass")
    return text.partition("\0")[0]  # arguments of app_mono are C strings


def _word(answer):
    if answer is None:
        return "n"
    if isinstance(answer, int):
        return f"i{int(answer)}"
    return "s" + base64.b64encode(answer.encode("utf-16-le", "surrogatepass")).decode("ascii")


def _value(name):
    """Text, a number or None; bytes that are not UTF-8 as lone surrogates."""
    try:
        value = KSR.pv.get(name)
    except UnicodeDecodeError:
        value = False
    except (SystemError, ValueError):
        return None
    return _bytes_of(name) if value is False else value


def _bytes_of(name):
    inner = name[2:-1] if name.startswith("$(") else name[1:]
    data = KSR.pv.get(f"$({inner}{{s.encode.hexa}})")
    if isinstance(data, str):
        return bytes.fromhex(data).decode("utf-8", "surrogateescape")
    length = KSR.pv.get(f"$({inner}{{s.len}})")
    if not isinstance(length, int):
        return None
    digits = (KSR.pv.get(f"$({inner}{{s.substr,{at},{_CHUNK_BYTES}}}{{s.encode.hexa}})")
              for at in range(0, length, _CHUNK_BYTES))  # fmt: skip
    return bytes.fromhex("".join(map(str, digits))).decode("utf-8", "surrogateescape")


def _get_s(_msg, name):
    value = _value(name)
    if type(value) is not int:
        return value
    if _COUNTS.match(name):
        if "{" in name:
            raise RunnerError("a second look for its text would count once more")
        return str(value)
    # A number may have a text of its own, 007, or more than 32 bits.
    return KSR.pv.get(_PRINTED) if KSR.pvx.evalx(_PRINTED, name) == 1 else None


def _get_i(_msg, name):
    value = _value(name)
    return (value + 0x80000000) % (1 << 32) - 0x80000000 if type(value) is int else 0


def _is_null(_msg, name):
    """
    KEMI is true for null and for what does not exist at all; only null prints as ``<null>``.

    The first look counts. An address that is null there may have a value at the second one.
    """
    if _COUNTS.match(name) and "{" in name:
        raise RunnerError("each look counts, and may find another value to transform")
    if not KSR.pv.is_null(name):
        return 0
    if not names.is_one(name) or KSR.pvx.evalx(_PRINTED, name) != 1:
        return -1
    is_once = name.startswith(("$p", "$(p", "$ai", "$(ai", "$di", "$(di")) and "{" not in name
    return 1 if _value(_PRINTED) == "<null>" or (is_once and _value(name) is not None) else -1


def _done(is_done):
    return 0 if is_done is True or (is_done is not False and is_done == 1) else -1


_NULL = {"PV.GetS": None, "PV.GetI": 0, "Core.ModF": -127}
_CALLS = {
    "PV.GetS": _get_s,
    "PV.GetI": _get_i,
    "PV.IsNull": _is_null,
    "PV.SetS": lambda _, name, value: _done(KSR.pv.sets(name, value)),
    "PV.SetI": lambda _, name, value: _done(KSR.pv.seti(name, value)),
    "PV.Unset": lambda _, name: _done(KSR.pv.unset(name)),
    "HDR.Append": lambda _, text: _done(KSR.hdr.append(text)),
    "HDR.Remove": lambda _, name: _done(KSR.hdr.remove(name)),
    "HDR.AppendToReply": lambda _, text: _done(KSR.hdr.append_to_reply(text)),
    "Core.ModF": lambda msg, name: functions.run(name, msg, KSR),
}


def mod_init():
    return Player()
