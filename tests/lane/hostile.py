"""
A Kamailio, a worker and a daemon that do whatever arbitrary bytes say, and what app_python3 calls between them.

For ``make fuzz``, and for the inputs that were kept.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from tests.lane.borrowed import LEFT, Borrowed
from tests.scripts.test_plans import learned

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("$ru", "$rd", "$rU", "$fu", "$var(a)", "$var(b)", "$msg(hdrc)", "$(ru{s.len})", "$nosuch(", "")
CALLS = ("PV.GetS", "PV.GetI", "PV.SetS", "PV.SetI", "HDR.Append", "HDR.AppendToReply", "HDR.Remove", "pv.get")
MOST_ANSWER = 60_000  # a pipe takes it at once
MSG = object()
MOST_REFERENCES = 200  # to it, of calls whose errors are not collected yet
ANSWER = b'{"jsonrpc":"2.0","id":%d,"result":{"code":%s,"used":%s,"edits":[%s]%s}}\n'


class Bad:
    """Fails at whatever it is asked."""

    def __bool__(self) -> bool:
        raise ZeroDivisionError

    def __eq__(self, _: object) -> bool:
        raise ZeroDivisionError

    def __index__(self) -> int:
        raise ZeroDivisionError

    __int__ = __index__
    __hash__ = None  # type: ignore[assignment]  # it is no key


class Text(str):
    """No str of ours."""

    __slots__ = ()


class Bytes:
    """Arbitrary bytes, taken piece by piece; when they are over all is 0 and empty."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def number(self) -> int:
        """The next byte."""
        self._at += 1
        return self._data[self._at - 1] if self._at <= len(self._data) else 0

    def piece(self) -> bytes:
        """As many as the next byte says."""
        size = self.number()
        self._at += size
        return self._data[self._at - size : self._at]

    def text(self) -> str:
        """A piece as text."""
        return self.piece().decode("utf-8", "surrogateescape")

    def rest(self) -> bytes:
        """All that is left; they stay there."""
        return self._data[self._at :]

    def one_of(self, choice: tuple[Any, ...]) -> Any:
        """One of these, by the next byte."""
        return choice[self.number() % len(choice)]


def _raises(kind: type[BaseException]) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise kind("\ud800")

    return fail


class HostileKsr:
    """What KSR may be: every function gives what the bytes say next, and may run a script within the one that runs."""

    def __init__(self, taken: Bytes) -> None:
        self._taken = taken
        self.exported: Any = None
        self.path = ""
        self.pv = SimpleNamespace(**dict.fromkeys(("get", "sets", "seti", "unset", "is_null"), self._any))
        self.hdr = SimpleNamespace(
            **dict.fromkeys(("append", "append_to_reply", "append_after", "remove"), self._any),
        )
        self.pvx = SimpleNamespace(evalx=self._any)
        self.log = lambda *_: None

    def _any(self, *_: object) -> Any:
        text = self._taken.text() if self._taken.number() % 2 else "sip:bob@example.com"
        values: tuple[Callable[[], Any], ...] = (
            lambda: text, lambda: 1, lambda: None, lambda: True, lambda: False, lambda: -1, lambda: 0, lambda: 1 << 70,
            lambda: -(1 << 31), lambda: text.encode("utf-8", "surrogateescape"), lambda: "sip:" + 300 * text, Bad,
            lambda: Text(text), lambda: 1.5, object, lambda: [text], self._within,
            _raises(ValueError), _raises(SystemError), _raises(KeyboardInterrupt), _raises(MemoryError),
            lambda: b"\xff".decode("utf-8"), lambda: "\ud800".encode("utf-8"), lambda: "é" * 2000,
        )  # fmt: skip
        return self._taken.one_of(values)()

    def _within(self) -> Any:
        return self.exported.mono_exec(MSG, f"{self.path} within")


def asked(taken: Bytes) -> list[tuple[str, tuple[Any, ...]]]:
    """Calls that a script may have made before, of any names."""
    asks = []
    for _ in range(taken.number() % 12):
        call, name = taken.one_of(CALLS), taken.one_of((*NAMES, None))
        name = taken.text() if name is None else name
        value = (name, 1) if call == "PV.SetI" else (name, "1") if call == "PV.SetS" else (name,)
        asks.append((call, value))
    return asks


def answer(taken: Bytes, number: int) -> bytes:
    """A line that may be the result of the exec with this number."""
    edits = []
    for _ in range(taken.number() % 18):
        piece = taken.piece()
        text = piece.decode("utf-8", "surrogateescape")
        unescaped = json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")
        values = b"%d" % (len(piece) - 99), piece, b'"%s"' % piece, json.dumps(text).encode(), unescaped
        value: bytes = taken.one_of(values)
        edits.append(b"[%d,%s]" % (taken.number() % 8, value))
    more = taken.one_of((b"", b"", b"", b',"exited":true', b',"log":"x"'))
    return ANSWER % (number, b"%d" % taken.number(), b"%d" % taken.number(), b",".join(edits), more)


def one_call(data: bytes) -> None:
    """
    Some calls of ``mono_exec`` as app_python3 makes them; the last one's worker says the rest of the bytes, and ends.

    Whatever happens, each gives a value, nothing goes on running, and the message is let go of.
    """
    taken = Bytes(data)
    before, sys.unraisablehook = sys.unraisablehook, lambda _: None
    ksr: Any = HostileKsr(taken)
    try:
        with Borrowed(learned(*asked(taken))) as borrowed:
            ksr.exported, ksr.path = borrowed.exported(ksr), borrowed.path
            for _ in range(taken.number() % 3):
                _say(borrowed, answer(taken, borrowed.conversation.session.requests + 1))
                _call(borrowed, ksr, taken)
                borrowed.heard()
            if taken.number() % 4 == 1:
                with contextlib.suppress(OSError):  # it was hung up on
                    borrowed.daemon.send(taken.piece() or b"\n")
            if taken.number() % 8 == 1:
                borrowed.daemon.close()
            usual = answer(taken, borrowed.conversation.session.requests + 1)
            _say(borrowed, usual if taken.number() % 4 else taken.rest()[:MOST_ANSWER])
            os.close(borrowed.says)
            for _ in range(2):
                _call(borrowed, ksr, taken)
            ksr.exported = None  # which refers to it
    finally:
        sys.unraisablehook = before
    if sys.getrefcount(MSG) > MOST_REFERENCES:
        gc.collect()  # it takes as long as all else
        assert sys.getrefcount(MSG) < MOST_REFERENCES, data  # what a fuzzer looks for


def _say(borrowed: Borrowed, said: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):  # the worker was given up
        os.write(borrowed.says, said)


def _call(borrowed: Borrowed, ksr: Any, taken: Bytes) -> None:
    param = taken.text()
    with contextlib.suppress(KeyboardInterrupt):  # of the last resort, which is not what is tested
        if taken.number() % 4 == 1:
            result = ksr.exported.mono_run(MSG, param)
        else:
            result = ksr.exported.mono_exec(MSG, f"{borrowed.path} {param}")
        assert type(result) in {int, str}, result
        if result != LEFT:
            assert borrowed.lease.within.running == []
    borrowed.lease.within.running.clear()
