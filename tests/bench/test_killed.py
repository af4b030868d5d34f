"""A benchmark that is ended in the middle leaves nothing behind that would disturb the next one."""

from __future__ import annotations

import contextlib
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


def began(pid: int) -> str:
    """When a process began, which tells it from a later one of that number; empty when it has ended."""
    try:
        found = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if found[0] in "ZX" else found[19]  # proc(5), /proc/pid/stat


def below(pid: int) -> Iterator[int]:
    """The processes that one has started, and those that they have."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, children.read_text(encoding="ascii").split()):
                yield child
                yield from below(child)


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_kamailio_and_no_worker_is_left_of_a_benchmark_that_was_killed(number: signal.Signals) -> None:
    seen: dict[int, str] = {}

    def runs(part: str) -> bool:
        seen.update((pid, began(pid)) for pid in below(benchmark.pid))
        return benchmark.poll() is not None or any(part in command(pid) for pid in seen)

    with tempfile.TemporaryDirectory() as place:  # not tmp_path: the path of a socket may have 107 bytes
        started, env = [sys.executable, "-m", "bench", "kamailio"], os.environ | {"TMPDIR": place}
        with subprocess.Popen(started, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as benchmark:
            try:
                for part in ("serve --config", "SRBridge.exe", "kamailio.cfg"):
                    until(lambda part=part: runs(part), f"a process with {part} runs")  # type: ignore[misc]
            finally:
                benchmark.send_signal(number)
            _, said = benchmark.communicate(timeout=WAIT_S)
        left = list(Path(place).iterdir())
    until(lambda: not any(began(pid) == when for pid, when in seen.items() if when), "all of them have ended")
    every = Path("/proc")
    until(
        lambda: not [pid for pid in every.glob("[0-9]*") if place in command(int(pid.name))],
        "what came after that has ended",
    )

    assert not said
    if number is signal.SIGTERM:
        assert (benchmark.returncode, left) == (128 + number, [])
    else:
        assert benchmark.returncode == -number
