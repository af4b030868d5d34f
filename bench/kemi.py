"""
A routing script (KEMI) in C# on ours, in Python (app_python3) and in Lua (app_lua): the same calls, the same messages.

Two scripts in each language: the registrar of ``kamailio/Registrar.cs``, and ``peers/Calls.cs``, for what one call of
KSR costs. Each has a Kamailio of its own, with one process for SIP.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from bench.library import echo
from bench.measure import US, Row, Times, against, alternate, noise
from bench.sides import Side
from tests.kamailio.kemi_site import ENGINES, Site
from tests.kamailio.rig import Peer, has_module
from tests.kamailio.test_examples import reply_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OURS, PEERS = "C#", ("Lua", "Python")
BLOCKS, SIZE = 20, 60
CALLS = 100  # of KSR in one request
SETTINGS = "exec_timeout_s = 5.0\nnum_workers = 2\nmax_workers = 3"
READS = "User-Agent: bench\r\nSubject: reads\r\n"


class Routed:
    """One script of one engine, and what speaks with it."""

    def __init__(self, name: str, script: str, directory: Path, stack: ExitStack) -> None:
        self._site = Site(ENGINES[name], directory / f"{script}-{name}", stack, script, settings=SETTINGS)
        self._side = Side(self._site.kamailio, self._site.peer, self._site.daemon)
        self._phone = stack.enter_context(Peer(self._site.port))
        self._here = f"127.0.0.1:{self._site.port}"
        self._numbers = itertools.count()
        self.cpu_s: dict[str, list[float]] = {}

    def kind(self, name: str, one: Callable[[], None]) -> Callable[[int], list[float]]:
        """A side for ``alternate``, which also notes the CPU time of one."""

        def block(count: int) -> list[float]:
            times = []
            before = self._side.cpu_s()
            for _ in range(count):
                began = time.perf_counter()
                one()
                times.append(time.perf_counter() - began)
            self.cpu_s.setdefault(name, []).append((self._side.cpu_s() - before) / count)
            return times

        return block

    def ask(self, method: str, user: str = "", headers: str = "") -> Callable[[], None]:
        """One request and its answer, 200."""
        request = self._site.peer.request(method, f"sip:{user}{self._here}", headers)

        def one() -> None:
            reply = self._site.peer.ask(request)
            assert reply is not None, self._site.kamailio.log()
            assert reply.startswith(b"SIP/2.0 200"), reply

        return one

    def register(self) -> Callable[[], None]:
        """The phone registers."""
        return self.ask("REGISTER", "bob@", f"Contact: <sip:bob@127.0.0.1:{self._phone.port}>\r\nExpires: 3600\r\n")

    def call(self) -> None:
        """An INVITE to the phone, which is busy: four routes run, with the ACK."""
        uri, call_id = f"sip:bob@{self._here}", f"call-{next(self._numbers)}"
        request = self._site.peer.request("INVITE", uri, call_id=call_id)
        self._site.peer.send(request)
        invite = self._phone.receive()
        assert invite is not None, self._site.kamailio.log()
        assert invite.startswith(b"INVITE"), invite
        self._phone.send(reply_to(invite, "486 Busy Here"))
        acknowledged = self._phone.receive()
        assert acknowledged is not None, self._site.kamailio.log()
        while (reply := self._site.peer.receive()) is None or not reply.startswith(b"SIP/2.0 486"):
            assert reply is not None, self._site.kamailio.log()
        self._site.peer.send(request.replace(b"INVITE sip", b"ACK sip", 1).replace(b"1 INVITE", b"1 ACK"))


def measure() -> list[Row]:
    """The rows; a peer that this Kamailio has no module for is left out."""
    names = [OURS, *(name for name in PEERS if has_module(ENGINES[name].module))]
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        registrars = {name: Routed(name, "registrar", Path(place), stack) for name in names}
        calls = {name: Routed(name, "calls", Path(place), stack) for name in names}
        rows = [
            *compared("OPTIONS that is answered", registrars, lambda routed: routed.ask("OPTIONS")),
            *compared("REGISTER", registrars, Routed.register),
            *compared("call to a busy phone", registrars, lambda routed: routed.call),
            *compared("a route that reads 20 values", calls, lambda routed: routed.ask("MESSAGE", "reader@", READS)),
        ]
        none = times("no calls", calls, lambda routed: routed.ask("OPTIONS", "0@"))
        many = times("calls", calls, lambda routed: routed.ask("OPTIONS", f"{CALLS}@"))
        floor = alternate({"echo": echo(stack)["echo"]}, BLOCKS, SIZE)["echo"]
        for name in names:
            one_s = (many[name].median - none[name].median) / CALLS
            cpu_s = (cpu(calls[name], "calls").median - cpu(calls[name], "no calls").median) / CALLS
            peer = floor.median * US if name == OURS else None
            label = f"KEMI, one call that is asked: {name}" + (" / echo floor" if peer else "")
            ratio = one_s * US / peer if peer else one_s * US
            rows.append(Row(label, one_s * US, peer, ratio, noise(many[name])))
            rows.append(Row(f"KEMI, CPU of one call that is asked: {name}", cpu_s * US, None, cpu_s * US))
    return rows


def times(kind: str, sides: dict[str, Routed], one: Callable[[Routed], Callable[[], None]]) -> dict[str, Times]:
    """All engines in turn."""
    return alternate({name: routed.kind(kind, one(routed)) for name, routed in sides.items()}, BLOCKS, SIZE)


def cpu(routed: Routed, kind: str) -> Times:
    """CPU time of one, of all processes; the first block warmed up."""
    return Times.of(routed.cpu_s[kind][1:])


def compared(kind: str, sides: dict[str, Routed], one: Callable[[Routed], Callable[[], None]]) -> Iterator[Row]:
    """Ours against each peer."""
    found = times(kind, sides, one)
    for peer in list(sides)[1:]:
        yield against(f"KEMI, {kind}: C# / {peer}", found[OURS], found[peer])
        yield against(f"KEMI, CPU of {kind}: C# / {peer}", cpu(sides[OURS], kind), cpu(sides[peer], kind))
