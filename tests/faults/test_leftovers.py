"""What a script leaves behind in its worker: threads that go on calling, changed process state, descriptors."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.errors import WorkerError
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import compiled
from tests.shelf import run, works_on

if TYPE_CHECKING:
    from collections.abc import Iterator

SEEN = ("directory", "culture", "environment", "exit")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runner]:
    """A single worker, so that every exec is in the same one."""
    monkeypatch.setenv("LC_TIME", "C")
    monkeypatch.setenv("LC_NAME", "C")
    settings = Settings(
        exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, max_workers=1, leftover_threads="keep"
    )
    with Runner(settings) as running:
        yield running


def seen(runner: Runner) -> list[str | None]:
    """What a script sees around it."""
    host = MessageHost(INVITE)
    assert run(runner, "ShowsItsSurroundings", host).ok
    return [host.get_s(f"$var({name})") for name in SEEN]


def test_the_next_exec_does_not_see_what_a_script_changed_around_it(
    alone: Runner, host: MessageHost, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    before, pids = seen(alone), alone.snapshot().pids
    until(lambda: "seen on standard output" in caplog.text and "seen on standard error" in caplog.text, "it is logged")
    caplog.clear()

    assert run(alone, "ChangesItsSurroundings", host).ok

    assert seen(alone) == before
    assert alone.snapshot().pids == pids
    until(lambda: "seen on standard output" in caplog.text and "seen on standard error" in caplog.text, "it is logged")


def test_the_next_exec_of_the_same_script_begins_in_the_workers_own_directory(
    alone: Runner, host: MessageHost, tmp_path: Path
) -> None:
    """It used to be restored for other scripts only."""
    body = (
        'static int Main() { PV.SetS("$var(directory)", Environment.CurrentDirectory); '
        'Environment.CurrentDirectory = "/"; return 0; }'
    )
    script = compiled(tmp_path, "Wanders", body)

    places = []
    for _ in range(3):
        assert alone.mono_exec(script, host=host).ok
        places.append(host.get_s("$var(directory)"))

    (pid,) = alone.snapshot().pids
    assert places == [places[0]] * 3
    until(lambda: str(Path(f"/proc/{pid}/cwd").readlink()) == places[0], "it is there again")


def test_calls_of_threads_after_main_has_returned_reach_no_later_exec(alone: Runner, host: MessageHost) -> None:
    result = run(alone, "ReturnsWhileThreadsCall", host)
    later = [MessageHost(INVITE) for _ in range(5)]
    codes = [run(alone, "ReturnsInt", other).exit_code for other in later]

    assert result.exit_code == 5
    assert host.get_s("$var(thread)") == "x"
    assert codes == [7] * 5
    assert [(other.logs, other.get_s("$var(thread)")) for other in later] == [([], "0")] * 5


def test_a_script_that_closes_descriptors_0_to_20_costs_at_most_its_own_exec(runner: Runner, host: MessageHost) -> None:
    result = run(runner, "ClosesDescriptors", host)

    assert isinstance(result.error, WorkerError)
    assert works_on(runner)
