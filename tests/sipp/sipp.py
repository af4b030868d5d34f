"""sipp with a scenario, at a fixed rate, and what it counted."""

from __future__ import annotations

import csv
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent
SIPP = shutil.which("sipp")
MORE_S = 60  # beyond what the rate says, before sipp gives up


@dataclass(frozen=True, slots=True)
class Counts:
    """Calls as sipp counted them; ``retransmitted`` are messages that sipp had to send again."""

    created: int
    successful: int
    failed: int
    retransmitted: int


class Sipp:
    """
    One run of sipp against a port on 127.0.0.1. A context manager; leaving it waits for the end.

    Args:
        scenario: A file beside this one, without its extension.
        port: Where the server listens.
        calls: How many.
        per_s: Calls begun in one second.
        directory: For its files.
        more: Further arguments of sipp.
        within: Words before it, which start it in another network.
    """

    def __init__(
        self,
        scenario: str,
        port: int,
        calls: int,
        per_s: int,
        directory: Path,
        *more: str,
        within: Sequence[str] = (),
    ) -> None:
        assert SIPP, "sipp is not installed: make test installs it (Debian package sip-tester)"
        directory.mkdir(parents=True, exist_ok=True)
        name = scenario.replace("/", "-")
        self._stat = directory / f"{name}.csv"
        self._errors = directory / f"{name}.err"
        self._limit_s = calls / per_s + MORE_S
        self._command = [
            *(*within, SIPP, f"127.0.0.1:{port}", "-sf", str(HERE / f"{scenario}.xml"), "-s", "bob"),
            *("-m", str(calls), "-r", str(per_s), "-l", "2000", "-i", "127.0.0.1", "-nostdin"),
            *("-trace_stat", "-fd", "1", "-stf", str(self._stat), "-timeout", f"{self._limit_s:.0f}s"),
            *("-trace_err", "-error_file", str(self._errors)),
            *more,
        ]
        self._directory = directory

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=self._directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._process.wait(self._limit_s + MORE_S)
        finally:
            self._process.kill()
            self._process.wait()

    def finish(self) -> None:
        """Begin no more calls, and end when those that were begun have ended."""
        self._process.send_signal(signal.SIGUSR1)

    @property
    def is_running(self) -> bool:
        """False once all calls are done."""
        return self._process.poll() is None

    def errors(self) -> str:
        """What it said of calls that failed."""
        return self._errors.read_text("utf-8", errors="replace") if self._errors.exists() else ""

    def counts(self) -> Counts:
        """What it counted, after its end."""
        with self._stat.open(encoding="ascii") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        return Counts(
            int(last["TotalCallCreated"]),
            int(last["SuccessfulCall(C)"]),
            int(last["FailedCall(C)"]),
            int(last["Retransmissions(C)"]),
        )
