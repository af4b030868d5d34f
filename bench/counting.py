"""What it costs a process of Kamailio to count an exec; alone: ``python -m bench.counting``."""

from __future__ import annotations

import time

from bench import report
from bench.measure import US, Row, Times
from runner.client.known import Known
from runner.client.tally import Tally
from runner.hosts.embedded.host import MessageHost
from runner.scripts.generation import Generation, Part
from runner.worker.outcome import ExecOutcome
from tests.places import INVITE

BLOCKS, SIZE = 40, 5000


def measure() -> list[Row]:
    """One row: an exec with three questions and two edits, in microseconds of CPU."""
    tally, host = Tally(), MessageHost(INVITE)
    script = Known().add("/x.exe", Generation.of("/x.exe", Part("x.exe", "a1"), None, None, {}), None)
    outcome = ExecOutcome()
    outcome.code, outcome.answered, outcome.edited = 0, 3, 2
    blocks = []
    for _ in range(BLOCKS):
        began, cpu = time.monotonic(), time.process_time()
        for _ in range(SIZE):
            tally.add(script, "/x.exe", outcome, began, host)
        blocks.append((time.process_time() - cpu) / SIZE)
    times = Times(tuple((block,) for block in blocks))
    one_us = times.median * US
    return [Row("to count an exec", one_us, None, one_us, times.noise())]


if __name__ == "__main__":
    report.table(measure())
