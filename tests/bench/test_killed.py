"""A benchmark that is ended in the middle leaves nothing behind that would disturb the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.places import ROOT
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDED = "ZX"  # proc(5), /proc/pid/stat


def stat(pid: int) -> list[str]:
    """Its state, its parent, and so on; the nineteenth from there is when it began."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return [ENDED]


def processes() -> Iterator[tuple[int, list[str]]]:
    for place in Path("/proc").glob("[0-9]*"):
        pid = int(place.name)
        if (found := stat(pid))[0] not in ENDED:
            yield pid, found


def started_by(pid: int) -> dict[int, str]:
    """The processes below one, with the time when each began."""
    every = dict(processes())
    below: dict[int, str] = {}
    todo = [pid]
    while todo:
        parent = str(todo.pop())
        children = {child: found[19] for child, found in every.items() if found[1] == parent}
        below |= children
        todo += children
    return below


def commands(pids: dict[int, str]) -> str:
    lines = []
    for pid in pids:
        try:
            lines.append(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return "\n".join(lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_kamailio_and_no_worker_is_left_of_a_benchmark_that_was_killed(number: signal.Signals) -> None:
    below: dict[int, str] = {}

    def is_in_the_middle() -> bool:
        below.update(started_by(benchmark.pid))
        text = commands(below)
        has_all = all(part in text for part in ("kamailio.cfg", "serve --config", "SRBridge.exe"))
        return has_all or benchmark.poll() is not None

    with tempfile.TemporaryDirectory() as place:  # not tmp_path: the path of a socket may have 107 bytes
        command, env = [sys.executable, "-m", "bench", "kamailio"], os.environ | {"TMPDIR": place}
        with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as benchmark:
            until(is_in_the_middle, "Kamailio, a daemon and a worker run")
            benchmark.send_signal(number)
            _, said = benchmark.communicate(timeout=WAIT_S)
        left = list(Path(place).iterdir())
    until(lambda: not {pid for pid, found in processes() if below.get(pid) == found[19]}, "all of them have ended")

    assert not said
    if number is signal.SIGTERM:
        assert (benchmark.returncode, left) == (128 + number, [])
    else:
        assert benchmark.returncode == -number
