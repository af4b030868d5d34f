"""A lease whose worker and daemon are pipes, and a Kamailio that is a table of values, for what app_python3 calls."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from types import SimpleNamespace
from typing import Any, Self

from runner.client.held import Held
from runner.client.lease import Lease
from runner.client.within import Wanted
from runner.control.connection import Control
from runner.control.messages import Worker
from runner.control.outcomes import IN_C
from runner.errors import PoolExhausted
from runner.hosts.kamailio.bounds import SMALL
from runner.hosts.kamailio.host import KamailioHost
from runner.hosts.kamailio.variables import harmless
from runner.lane import _lane
from runner.scripts.stamps import Stamps
from runner.wire.channel import Channel
from runner.wire.events import CAN_UNSAID
from runner.worker.outcome import ExecOutcome
from tests.lane.turns import LIMIT, PLAIN
from tests.pool.test_warming import build
from tests.worker.workers import soon

WORKER = Worker(
    lease="1e", pid=0x7FFF_FFFF, is_local=False, execs=0, loads=0, bound={}, ran={}, loaded=(), keep=True, fresh=False,
    max_execs=0, max_loads=None, max_line_bytes=LIMIT, is_placed=False,
)  # fmt: skip
TIMEOUT_S = 10.0
LEFT = 99
"""What `Exported` gives when it leaves an exec to Python."""


def _left(*_: object) -> Any:
    return LEFT


class Ksr:
    """
    What KSR is for a host.

    Args:
        values: By name; an exception is raised, and what is missing is None.
        refuses: Each edit gives -1 or False.

    Attributes:
        changes: The edits, in order.
    """

    def __init__(self, values: dict[str, Any], *, refuses: bool = False) -> None:
        self._values = values
        self._refuses = refuses
        self.changes: list[tuple[Any, ...]] = []
        self.pv = SimpleNamespace(
            get=self._get,
            is_null=lambda name: self._values.get(name) is None,
            **{name: self._edit(name, done=True) for name in ("sets", "seti", "unset")},
        )
        self.hdr = SimpleNamespace(
            **{name: self._edit(name, done=1) for name in ("append", "append_to_reply", "append_after", "remove")}
        )
        self.pvx = SimpleNamespace(evalx=lambda *_: -1)

    def log(self, *of: Any) -> None:
        self.changes.append(("log", *of))

    def _get(self, name: str) -> Any:
        value = self._values.get(name)
        if isinstance(value, BaseException):
            raise type(value)(*value.args)  # a new one: each keeps where it was raised
        return value

    def _edit(self, name: str, *, done: int) -> Any:
        def make(*of: Any) -> int:
            if any(type(argument) is str and not argument.isprintable() and "\ud800" in argument for argument in of):
                raise UnicodeEncodeError("utf-8", "", 0, 1, "surrogates not allowed")
            self.changes.append((name, *of))
            return (done - 2 if name.startswith(("append", "remove")) else 0) if self._refuses else done

        return make


class Asks(Lease):
    """A lease whose daemon has no worker for it."""

    def _ask_lease(self, *_: Any, **_more: Any) -> Any:
        raise PoolExhausted("no worker")


class Borrowed:
    """A lease that has run a build once, so that it has a lane; answers are in the pipe before the worker is asked."""

    def __init__(self, foresight: Any = None, kind: Any = _lane.Lane) -> None:
        self.hears, our_writes = os.pipe()
        our_reads, self.says = os.pipe()
        self.daemon, ours = socket.socketpair()
        self.generation = build()
        if foresight is not None:
            object.__setattr__(self.generation, "foresight", foresight)
        self.path = self.generation.path
        self.lease = Asks("/nowhere/control.sock")
        self.lease._link.control = Control(ours)
        self.held = Held.of(WORKER, Channel(our_reads, our_writes), ())
        self.lease._workers.add(self.held)
        self.script = self.lease._known.add(self.path, self.generation, Stamps({}))
        self.lease._known.scripts[None] = self.script
        self.conversation = self.held.conversation
        self.holdings = self.conversation.holdings
        self.holdings.can = CAN_UNSAID
        self.holdings.loaded[self.path] = self.generation
        self.answer(1, b"[]")
        self.conversation.exec(self.generation, None, KamailioHost(None, Ksr({})), soon())
        self.lease.note(self.path, ExecOutcome(), time.monotonic(), KamailioHost(None, Ksr({})))
        self.heard()
        lanes, key = self.conversation.lanes, (self.generation.id, None)
        plan = lanes.by_build[key].plan
        lanes.by_build[key] = kind(lanes, self.generation, plan, foresight=self.generation.foresight, entry=None)
        self.went_on: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.lease.close()
        self.daemon.close()
        for descriptor in (self.hears, self.says):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def answer(self, number: int, edits: bytes, used: int = 0) -> None:
        os.write(self.says, (PLAIN % (number, edits)).replace(b'"used":0', b'"used":%d' % used))

    def heard(self) -> bytes:
        return os.read(self.hears, LIMIT) if select.select([self.hears], [], [], 0)[0] else b""

    def exported(self, ksr: Ksr) -> Any:
        """As kamailio/app_mono.py makes it."""
        return _lane.Exported(
            self.lease,
            TIMEOUT_S,
            outcome=ExecOutcome,
            host=(KamailioHost, ksr, frozenset(), harmless, SMALL),
            counting=IN_C,
            otherwise=(_left, _left, lambda *of: self.go_on(*of)),  # noqa: PLW0108  # a test puts another one in its place
        )

    def run(self, ksr: Ksr, param: str | None) -> int | str:
        """As kamailio/app_mono.py runs one; an exception is its name and its words."""
        host = KamailioHost("msg", ksr, frozenset())
        began = time.monotonic()
        return self._noted(lambda: self.lease.exec(self.path, param, host, began + TIMEOUT_S), self.path, began, host)

    def go_on(self, host: Any, path: str, param: Any, *begun: Any) -> Any:
        began, outcome, heard = begun
        self.went_on.append(heard)
        wanted = Wanted(path, param, host, began + TIMEOUT_S, None)
        return self._noted(lambda: self.lease.go_on(wanted, outcome, heard), path, began, host)

    def _noted(self, execute: Any, path: str, began: float, host: Any) -> int | str:
        try:
            result = execute()
        except Exception as error:  # noqa: BLE001  # as there
            result = error
        self.lease.note(path, result, began, host)
        if isinstance(result, Exception):
            return f"{type(result).__name__}: {result}"
        return 0 if result.has_ended_routing else 1 if result.code == 0 else -1

    def left_behind(self) -> tuple[Any, ...]:
        """All but times."""
        row, foresight = self.lease.tally._row, self.generation.foresight
        where = self.conversation.session.where()
        return (
            (where, self.heard(), self.holdings.execs, self.holdings.ran, self.holdings.retire_reason),
            (self.lease.within.running, self.lease._workers.current is self.held),
            ([] if row is None else [count for number, count in enumerate(row) if number not in _TIMES]),
            (foresight.plan, foresight._unused, foresight._once),
        )


_TIMES = range(IN_C[4], IN_C[5] + 1)  # the buckets, and the sum
