"""One exec is one write and one read, on each side: what ``python -m bench.syscalls`` shows call by call."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from bench.lanes import LANES
from bench.sides import FEW, Rig
from runner.build import compile_script
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from tests.places import INVITE, ROOT
from tests.programs import until
from tests.test_runner import patient

if TYPE_CHECKING:
    from collections.abc import Callable

EXECS = 50


class Calls(NamedTuple):
    """Calls that read and that write files and pipes, not sockets, whatever they gave (proc(5), /proc/pid/io)."""

    reads: int
    writes: int

    @classmethod
    def of(cls, pid: int, thread: int = 0) -> Calls:
        text = Path(f"/proc/{pid}/task/{thread or pid}/io").read_text(encoding="ascii")
        counts = dict(line.split(": ") for line in text.splitlines())
        return cls(int(counts["syscr"]), int(counts["syscw"]))


def made(run: Callable[[], object], *threads: tuple[int, int]) -> list[Calls]:
    """What these threads, each with its process, call while it runs. This one's own may be among them."""
    ours = [pid == os.getpid() for pid, _ in threads]
    others = [thread for thread, is_ours in zip(threads, ours, strict=True) if not is_ours]
    until_asleep(others)
    looked, before = ([Calls.of(*thread) for thread in threads] for _ in range(2))
    run()
    at_once = [Calls.of(*thread) for thread in threads]
    until_asleep(others)
    after = [now if is_ours else Calls.of(*thread) for thread, is_ours, now in zip(threads, ours, at_once, strict=True)]
    of_looking = more(looked, before)  # this thread's own
    return more(of_looking, more(before, after))


def until_asleep(threads: list[tuple[int, int]]) -> None:
    """A call counts when it is over, which may be after the other side has heard what was written."""
    for pid, thread in threads:
        stat = Path(f"/proc/{pid}/task/{thread}/stat")
        until(lambda stat=stat: ") S " in stat.read_text("ascii"), f"thread {thread} sleeps")  # type: ignore[misc]


def more(than: list[Calls], calls: list[Calls]) -> list[Calls]:
    return [Calls(now.reads - then.reads, now.writes - then.writes) for then, now in zip(than, calls, strict=True)]


def assert_one_turn_an_exec(client: Calls, worker: Calls) -> None:
    assert worker == Calls(EXECS, EXECS)
    assert client.writes == EXECS
    # The client looks once without waiting. Where the worker has not answered yet, it waits, and reads again.
    assert EXECS <= client.reads <= 2 * EXECS


def test_in_a_program() -> None:
    script = compile_script(ROOT / "bench" / "scripts" / "Three.cs")
    with Runner(patient(num_workers=1, max_workers=1, observer="none")) as runner:

        def run(count: int = EXECS) -> None:
            for _ in range(count):
                assert runner.mono_exec(script, host=MessageHost(INVITE)).ok

        run(5)  # calls are asked for, learned, and planned
        until(lambda: (runner.scripts.current(str(script)), runner.scripts.stamps(str(script)))[1], "it is old enough")
        (worker,) = runner.snapshot().pids

        assert_one_turn_an_exec(*made(run, (os.getpid(), threading.get_native_id()), (worker, worker)))


@pytest.mark.parametrize("lane", LANES)
def test_in_kamailio(lane: str) -> None:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))  # the path of a socket may have 107 bytes
        (side,) = Rig(stack, place, 1, "qm").ours(lane, lane, FEW).values()
        assert side.daemon is not None
        ask = side.requests()
        ask(5)

        servers, workers = side.kamailio.children(), side.daemon.children()

        found = made(lambda: ask(EXECS), *((pid, pid) for pid in servers + workers))

    # The other processes of Kamailio, and the spare worker, have nothing to do.
    (client,) = [calls for calls in found[: len(servers)] if calls.writes]
    (worker,) = [calls for calls in found[len(servers) :] if calls.writes]
    assert_one_turn_an_exec(client, worker)
