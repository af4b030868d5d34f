"""Workers that break docs/protocol.md in one way each, played by a program that takes the place of mono."""

from __future__ import annotations

import logging
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.errors import ExecTimeout, WorkerDied
from runner.runner import ExecResult, Runner
from runner.settings import Settings
from tests.programs import WAIT_S, until
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Odd = Callable[[str, float], ExecResult]
    from runner.hosts.embedded.host import MessageHost

SHORT_S = 1.0
ODD = Path(__file__).parent / "odd_bridge.py"


@pytest.fixture
def mono(tmp_path: Path) -> Path:
    """A mono that is an odd bridge for one start, of the kind that the file ``odd`` beside it names."""
    mono = tmp_path / "mono"
    program = f'exec {sys.executable} {ODD} "$(cat {tmp_path}/was)"'
    mono.write_text(
        f"#!/bin/sh\nif mv {tmp_path}/odd {tmp_path}/was 2>/dev/null; then {program}; fi\n"
        f'exec {shutil.which("mono")} "$@"\n',
        "utf-8",
    )
    mono.chmod(0o755)
    return mono


@pytest.fixture
def runner(mono: Path) -> Iterator[Runner]:
    settings = Settings(
        mono=str(mono), spare_workers=0, max_workers=1, exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S
    )
    with Runner(settings) as running:
        yield running


@pytest.fixture
def odd(runner: Runner, host: MessageHost, tmp_path: Path) -> Odd:
    """Run one exec in a worker of this kind."""

    def execute(kind: str, timeout_s: float) -> ExecResult:
        assert works_on(runner)
        (tmp_path / "odd").write_text(kind, "utf-8")
        run(runner, "SendsItselfASignal", host, str(int(signal.SIGKILL)))
        until((tmp_path / "was").exists, "the odd one has started")
        if timeout_s < WAIT_S:
            until(
                lambda: [worker.state for worker in runner.snapshot().workers] == ["idle"],
                "and is ready, and has loaded ahead, which takes its time on a busy machine",
            )
        return run(runner, "ReturnsInt", host, timeout_s=timeout_s)

    return execute


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("says ready twice at once", "ready is not allowed while idle"),
        ("says ready again when it is asked to run", "ready is not allowed while running"),
        ("answers before it is asked", "expected a message of this wire"),
        ("answers another request", "expected a message of this wire"),
        ("answers twice", "result is not allowed while idle"),
        ("asks while it loads", "question is not allowed while loading"),
        ("asks twice without waiting", "question is not allowed while asked"),
        ("sends a line without end", "expected a line of at most"),
        ("floods the wire while nobody reads", "expected a line of at most"),
        ("floods the wire with empty lines", "expected one line of JSON"),
    ],
)
def test_a_line_outside_the_table_ends_the_worker_and_is_reported(
    runner: Runner, odd: Odd, caplog: pytest.LogCaptureFixture, kind: str, said: str
) -> None:
    """Usually it is the error of the exec that met it; a fault before the exec is an error of the start."""
    caplog.set_level(logging.WARNING)

    odd(kind, WAIT_S)

    until(lambda: said in caplog.text, "the log says what was expected")
    until(lambda: works_on(runner), "the next exec works")


@pytest.mark.parametrize("kind", ["closes the wire and lives on", "ends with half a line"])
def test_a_worker_whose_wire_ends_is_lost(runner: Runner, odd: Odd, kind: str) -> None:
    result = odd(kind, WAIT_S)

    assert isinstance(result.error, WorkerDied)
    assert works_on(runner)


def test_a_flood_of_texts_for_the_log_ends_at_the_deadline(runner: Runner, odd: Odd) -> None:
    result = odd("floods the wire with texts for the log", SHORT_S)

    assert isinstance(result.error, ExecTimeout)
    until(lambda: works_on(runner), "the worker that was left to finish is gone")


def test_a_flood_of_empty_lines_on_standard_error_blocks_nothing(runner: Runner, odd: Odd) -> None:
    result = odd("floods standard error", 100.0)

    assert result.exit_code == 7
    assert works_on(runner)
