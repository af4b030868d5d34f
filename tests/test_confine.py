"""What a worker may not do, seen from inside by a script and from outside in /proc."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import confine
from runner.hosts.message import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.daemon import compiled
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

INVITE = b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCall-ID: 1\r\n\r\n"


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    monkeypatch.setenv("SECRET", "x")
    monkeypatch.setenv("WANTED", "y")
    monkeypatch.setenv("LC_TIME", "C")
    values = Settings(
        worker_env=("WANTED",), max_open_files=64, spare_workers=0, exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S
    )
    with Runner(values) as running:
        yield running


def said(runner: Runner, directory: Path, body: str) -> str:
    """What a script logs."""
    host = MessageHost(INVITE)
    result = runner.mono_exec(compiled(directory, "Looks", f"static int Main() {{ {body} }}"), host=host)
    assert result.error is None
    return "".join(text for _, text in host.logs)


def test_a_script_sees_the_variables_that_are_passed_on_and_no_others(runner: Runner, tmp_path: Path) -> None:
    body = (
        'foreach (string name in new[] {"SECRET", "WANTED", "LC_TIME", "PATH"}) '
        'Core.Log(1, name + "=" + (Environment.GetEnvironmentVariable(name) != null) + " "); return 0;'
    )

    assert said(runner, tmp_path, body) == "SECRET=False WANTED=True LC_TIME=True PATH=True "


def test_a_worker_has_its_limits_and_gains_no_privileges(runner: Runner) -> None:
    (pid,) = runner.snapshot().pids
    limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")

    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    assert re.search(r"^Max open files +64 +64 ", limits, re.MULTILINE)
    assert "NoNewPrivs:\t1\n" in status


def test_a_script_that_opens_files_without_end_meets_its_own_limit(runner: Runner, tmp_path: Path) -> None:
    body = (
        "var open = new System.Collections.Generic.List<object>(); "
        'try { while (true) open.Add(System.IO.File.OpenRead("/dev/null")); } '
        'catch (System.IO.IOException) { Core.Log(1, open.Count < 64 ? "refused" : "not refused"); } '
        "foreach (IDisposable file in open) file.Dispose(); return 0;"
    )

    assert said(runner, tmp_path, body) == "refused"


def test_limits_that_are_0_are_none() -> None:
    assert confine.limits(Settings(max_open_files=0)) == {resource.RLIMIT_CORE: 0}
    found = confine.limits(Settings(max_open_files=0, max_address_space_mib=2, max_processes=9))
    assert found == {resource.RLIMIT_CORE: 0, resource.RLIMIT_AS: 2 * 1024 * 1024, resource.RLIMIT_NPROC: 9}
