"""What it costs a process of Kamailio to count an exec; alone: ``python -m bench.counting``."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from bench import report
from bench.measure import US, Row, Times
from runner.client.held import Held
from runner.client.known import Known
from runner.client.tally import Tally
from runner.control.messages import Worker
from runner.hosts.embedded.host import MessageHost
from runner.scripts.generation import Generation, Part
from runner.wire.channel import Channel
from runner.worker.outcome import ExecOutcome
from tests.places import INVITE

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCKS, SIZE = 40, 5000
WORKER = Worker(
    lease="1", pid=1, is_local=False, execs=0, loads=0, bound={}, ran={}, loaded=(), keep=True, fresh=False,
    max_execs=None, max_loads=None, max_line_bytes=1024, is_placed=False, runtime="mono",
)  # fmt: skip


def measure() -> list[Row]:
    """In microseconds of CPU: an exec with three questions and two edits; and what ``slow_exec_s`` adds."""
    tally, host = Tally(), MessageHost(INVITE)
    script = Known().add("/x.exe", Generation.of("/x.exe", Part("x.exe", "a1"), None, None, {}), None)
    outcome = ExecOutcome()
    outcome.code, outcome.answered, outcome.edited = 0, 3, 2
    (reads, their_writes), (their_reads, writes) = os.pipe(), os.pipe()
    held = Held.of(WORKER, Channel(reads, writes), ())

    began = time.monotonic()

    def count() -> None:
        tally.add(script, "/x.exe", outcome, began, host)

    def watch() -> None:
        held.watch(1.0, script, "/x.exe", host)
        held.watched = None

    rows = [_row("to count an exec", count), _row("to watch one that may be slow", watch)]
    held.conversation.end()
    os.close(their_reads)
    os.close(their_writes)
    return rows


def _row(name: str, what: Callable[[], None]) -> Row:
    blocks = []
    for _ in range(BLOCKS):
        cpu = time.process_time()
        for _ in range(SIZE):
            what()
        blocks.append((time.process_time() - cpu) / SIZE)
    times = Times(tuple((block,) for block in blocks))
    one_us = times.median * US
    return Row(name, one_us, None, one_us, times.noise())


if __name__ == "__main__":
    report.table(measure())
