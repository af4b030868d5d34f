"""mono's crash reporter would run gdb where it is installed. It must make no difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import WorkerDied
from runner.runner import Runner
from runner.runtimes.known import MONO
from runner.settings import Settings
from runner.worker import confine
from tests.programs import WAIT_S
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from pathlib import Path

    from runner.hosts.embedded.host import MessageHost

ABORT, SEGV, FPE, ILL = "6", "11", "8", "4"


@pytest.mark.parametrize(
    ("name", "param"),
    [
        ("FailsFast", None),
        ("WritesToNowhere", None),
        *(("SendsItselfASignal", number) for number in (ABORT, SEGV, FPE, ILL)),
    ],
)
def test_a_crash_never_runs_gdb(
    host: MessageHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, param: str | None
) -> None:
    """A gdb that leaves a trace is first on the PATH, so this holds whether gdb is installed or not."""
    told = tmp_path / "gdb-was-here"
    for debugger in ("gdb", "lldb"):
        fake = tmp_path / "bin" / debugger
        fake.parent.mkdir(exist_ok=True)
        fake.write_text(f"#!/bin/sh\necho $0 >> {told}\n", "utf-8")
        fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")

    with Runner(Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S)) as runner:
        result = run(runner, name, host, param)
        assert works_on(runner)

    assert isinstance(result.error, WorkerDied)
    assert not told.exists()


def test_an_administrators_own_debug_options_of_mono_are_kept() -> None:
    assert confine.environment(Settings(), MONO, None, {})["MONO_DEBUG"] == "no-gdb-backtrace"
    given = confine.environment(Settings(), MONO, None, {"MONO_DEBUG": "suspend-on-sigsegv"})
    assert given["MONO_DEBUG"] == "suspend-on-sigsegv,no-gdb-backtrace"
