"""A script that takes worker after worker with it is refused for a while; others, and its next build, run on."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from runner.content import Generation, Part
from runner.errors import ScriptRefused, WorkerDied
from runner.hosts.message import MessageHost
from runner.lease import Lease
from runner.poison import Poison
from runner.runner import Runner
from runner.settings import Settings
from tests.daemon import RunningDaemon, app_mono, compiled
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

INVITE = b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nCall-ID: 1\r\n\r\n"
DIES = "static int Main() { System.Diagnostics.Process.GetCurrentProcess().Kill(); Thread.Sleep(10000); return 0; }"
FINE = "static int Main() { return 0; }"
LIMITS = Settings(poison_losses=3, poison_within_s=10, poison_s=60)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def build(name: str) -> Generation:
    return Generation.of("/x.exe", Part("/x.exe", name, f"/{name}"), None, None, {})


def test_losses_count_when_they_come_close_together_and_for_one_build() -> None:
    clock = Clock()
    poison = Poison(LIMITS, clock)
    one, other = build("1"), build("2")

    for pause in (6, 6, 6, 6):  # never three within ten seconds
        poison.note(one)
        clock.now += pause
    poison.note(other)
    poison.check(one)
    assert poison.refused() == {}

    poison.note(one)
    poison.note(one)
    with pytest.raises(ScriptRefused, match=r"/x\.exe: refused for 60\.0 s more"):
        poison.check(one)
    poison.check(other)
    assert poison.refused() == {"/x.exe": 60.0}

    clock.now += 60
    poison.check(one)
    assert poison.refused() == {}


def test_0_refuses_nothing() -> None:
    poison = Poison(Settings(poison_losses=0), Clock())
    for _ in range(99):
        poison.note(build("1"))
    poison.check(build("1"))


def test_a_runner_refuses_it_and_runs_others_and_its_next_build(tmp_path: Path) -> None:
    values = LIMITS.model_copy(update={"exec_timeout_s": WAIT_S, "allocate_timeout_s": WAIT_S})
    bad, good = compiled(tmp_path, "Dies", DIES), compiled(tmp_path, "Fine", FINE)
    with Runner(values) as runner:
        errors = [runner.mono_exec(bad, host=MessageHost(INVITE)).error for _ in range(5)]

        assert [type(error) for error in errors] == [WorkerDied] * 3 + [ScriptRefused] * 2
        assert runner.mono_exec(good, host=MessageHost(INVITE)).ok
        compiled(tmp_path, "Dies", FINE)
        assert runner.mono_exec(bad, host=MessageHost(INVITE)).ok


def test_a_daemon_refuses_it_to_every_client_and_says_so(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, "poison_losses = 3\npoison_s = 60.0\nallocate_timeout_s = 20.0") as daemon:
        bad, good = compiled(daemon.scripts, "Dies", DIES), compiled(daemon.scripts, "Fine", FINE)
        leases = [Lease(str(daemon.socket)) for _ in range(2)]

        def kind(lease: Lease, script: Path) -> type[BaseException] | None:
            try:
                lease.exec(str(script), None, MessageHost(INVITE), time.monotonic() + WAIT_S)
            except (WorkerDied, ScriptRefused) as error:
                return type(error)
            return None

        kinds = [kind(lease, bad) for _ in range(2) for lease in leases]
        after = [kind(lease, script) for lease in leases for script in (bad, good)]
        told = app_mono("status", "--socket", str(daemon.socket))
        value = json.loads(app_mono("status", "--json", "--socket", str(daemon.socket)).stdout)
        for lease in leases:
            lease.close()

    assert kinds == [WorkerDied] * 3 + [ScriptRefused]
    assert after == [ScriptRefused, None] * 2
    assert f"refused  {bad} for " in told.stdout
    assert list(value["refused_scripts"]) == [str(bad)]
    assert f"{bad}: refused for 60 s: it cost 3 workers" in daemon.log()
