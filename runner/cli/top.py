"""``app-mono top``: what the daemon, its workers and its scripts do, again and again in a terminal."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import time
import tty
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from runner.control.messages import StatusRequest
from runner.control.status import Status

from . import show
from .admin import duration, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.control.status import BuildStatus

EVERY_S = 1.0
GOOD = frozenset({"true", "false", "exit"})
BUILD_CHARACTERS = 8

Row = tuple[str, "BuildStatus", float]
"""Script, build, and its execs per second."""

ORDERS: dict[str, tuple[str, Callable[[Row], float]]] = {
    "r": ("execs per second", lambda row: row[2]),
    "e": ("execs", lambda row: sum(row[1].times)),
    "l": ("latency, 99 %", lambda row: row[1].p99_s),
    "f": ("failed", lambda row: failed(row[1])),
}


def top(path: str, *, once: bool) -> None:
    """
    Show the daemon until ``q``, or one time: where ``once`` is set, or the output is no terminal.

    Raises:
        ConfigError: No daemon answers.
    """
    look = Look(path)
    if once or not show.out.is_terminal or not sys.stdin.isatty():
        show.table(look.shown("r", has_keys=False))
        return
    order = "r"
    with _keys(sys.stdin.fileno()) as key, Live(console=show.out, screen=True, auto_refresh=False) as live:
        while True:
            live.update(look.shown(order), refresh=True)
            deadline = time.monotonic() + EVERY_S
            while (pressed := key(deadline)) and pressed != "q":
                order = pressed if pressed in ORDERS else order
                live.update(look.shown(order, again=False), refresh=True)
            if pressed == "q":
                return


class Look:
    """
    One look after the other at a daemon; rates are those between the last two.

    Args:
        path: Its control socket.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._status: Status | None = None
        self._counts: dict[tuple[str, str], int] = {}
        self._rates: dict[tuple[str, str], float] = {}

    def shown(self, order: str, *, again: bool = True, has_keys: bool = True) -> Group:
        """
        What is drawn.

        Args:
            order: A key of ``ORDERS``; scripts with the greatest come first.
            again: Whether to ask the daemon again.
            has_keys: Whether to say which keys there are.
        """
        status = self._status
        if status is None or again:
            status = self._ask()
        rows = [
            (script.path, build, self._rates.get((script.path, build.build), 0.0))
            for script in status.scripts
            for build in script.builds
        ]
        rows.sort(key=ORDERS[order][1], reverse=True)
        name, keys = ORDERS[order][0], " ".join(f"{key}: {what}" for key, (what, _) in ORDERS.items())
        foot = [Text(f"by {name}; {keys}; q: end", "dim")] if has_keys else []
        return Group(*_head(status, sum(row[2] for row in rows)), _scripts(rows), Text(), _workers(status), *foot)

    def _ask(self) -> Status:
        before, now = self._status, request(self._path, StatusRequest, Status)
        counts = {(script.path, build.build): sum(build.times) for script in now.scripts for build in script.builds}
        passed = now.up_s - before.up_s if before is not None and before.pid == now.pid else 0.0
        self._rates = {
            key: max(0, count - self._counts.get(key, 0)) / passed if passed > 0 else 0.0
            for key, count in counts.items()
        }
        self._status, self._counts = now, counts
        return now


def failed(build: BuildStatus) -> float:
    """Execs of a build without a result."""
    return sum(count for name, count in build.outcomes.items() if name not in GOOD)


def _head(status: Status, rate: float) -> Iterator[Text]:
    lent = sum(worker.client is not None for worker in status.workers)
    yield Text(f"app-mono, process {status.pid}, up {duration(status.up_s)}: {rate:.1f} execs per second")
    yield Text(
        f"{len(status.workers)} workers, at most {status.max_workers} of a runtime, {lent} lent, "
        f"{status.starting} starting; "
        f"{status.users} clients run scripts, {status.waiting} wait; {status.outages} outages"
    )
    for warning in filter(None, (status.advice, status.start_error)):
        yield Text(warning, "yellow")
    for failure in status.incidents[-1:]:
        when = time.strftime("%H:%M:%S", time.localtime(failure.at))
        (said,) = show.cells(f"{when} {failure.outcome}: {failure.message}")
        said.stylize("red")
        yield said
    yield Text()


def _scripts(rows: list[Row]) -> Table:
    table = _table(("script", "build"), ("per s", "execs", "half", "99 %", "failed", "questions", "edits"))
    for path, build, rate in rows:
        cells = (
            os.path.basename(path) or "not known",  # noqa: PTH119 - a name, not a file
            build.build[:BUILD_CHARACTERS],
            f"{rate:.1f}",
            str(sum(build.times)),
            duration(build.p50_s),
            duration(build.p99_s),
            str(int(failed(build))),
            str(build.questions),
            str(build.edits),
        )
        table.add_row(*show.cells(*cells))
    return table


def _workers(status: Status) -> Table:
    table = _table(("runtime", "state"), ("pid", "client", "execs", "loads", "MiB", "age"))
    for worker in status.workers:
        state = "lent" if worker.client else "warming" if worker.warming else worker.state
        numbers = (worker.pid, worker.client or "", worker.execs, worker.loads, worker.rss_kib // 1024)
        table.add_row(*show.cells(worker.runtime, state, *map(str, numbers), duration(worker.age_s)))
    return table


def _table(texts: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in texts:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


@contextlib.contextmanager
def _keys(descriptor: int) -> Iterator[Callable[[float], str]]:
    """The next key that is pressed until a time on ``time.monotonic``, without its being shown; empty: none was."""
    before = termios.tcgetattr(descriptor)

    def key(deadline: float) -> str:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        found = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not found:
            return ""
        return os.read(descriptor, 1).decode("latin-1") or "q"  # the terminal has gone

    try:
        tty.setcbreak(descriptor)
        yield key
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
