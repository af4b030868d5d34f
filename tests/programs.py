"""What several tests need: the compiler, the sandbox's program, and waiting for what another process does."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest

from runner import sandbox

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
