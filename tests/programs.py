"""What several tests need: the compiler, the sandbox's program, waiting for what another process does, stopping it."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.worker import sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

MCS = shutil.which("mcs") or "mcs"
BWRAP = shutil.which("bwrap")
NO_SANDBOX = sandbox.trouble(BWRAP) if BWRAP else "bwrap is not installed: apt-get install bubblewrap"
needs_bwrap = pytest.mark.skipif(bool(NO_SANDBOX), reason=f"bubblewrap makes no sandbox here: {NO_SANDBOX}")

WAIT_S = 30.0
"""Longest wait for what should come at once: it only keeps a broken test from hanging."""


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until ``condition`` holds; ``what`` names it when it never does."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"not in {WAIT_S:g} s: {what}"
        threading.Event().wait(0.01)


def stop(pid: int) -> None:
    """Stop a process, and wait until it has: each of its threads goes on until it is its turn to see the signal."""
    os.kill(pid, signal.SIGSTOP)
    threads = Path(f"/proc/{pid}/task")
    until(lambda: all(_state(thread) in "TZX-" for thread in threads.iterdir()), f"process {pid} has stopped")


def has_ended(pid: int) -> bool:
    """Whether a process has: it is gone, or a zombie. It may go while one looks."""
    return _state(Path(f"/proc/{pid}")) in "ZX-"


def _state(process: Path) -> str:
    """The letter of a process or thread; "-" when there is none any more."""
    try:
        return (process / "stat").read_text("utf-8").rpartition(") ")[2][0]
    except OSError:
        return "-"
