"""A script that takes worker after worker with it is refused for a while; others, and its next build, run on."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.control.connection import MAX_LINE_BYTES
from runner.errors import ScriptRefused, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.scripts.generation import Generation, Part
from runner.scripts.poison import LONGEST_CALL_ID, MAX_COUNTED, MAX_REFUSED, Poison
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, app_mono, compiled

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = 1001, 1002  # users
DIES = "static int Main() { System.Diagnostics.Process.GetCurrentProcess().Kill(); Thread.Sleep(10000); return 0; }"
DIES_LOADING = 'static Bad() { Environment.FailFast("bad"); } static int Main() { return 0; }'
FINE = "static int Main() { return 0; }"
LIMITS = Settings(poison_losses=3, poison_message_losses=0, poison_s=60)
MESSAGES = Settings(poison_losses=5, poison_message_losses=2, poison_s=60)
DIES_OF_ONE = (
    'static int Main() { if (PV.GetS("$rU") == "deadly") { System.Diagnostics.Process.GetCurrentProcess().Kill(); '
    "Thread.Sleep(10000); } return 0; }"
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def build(name: str, path: str = "/x.exe") -> Generation:
    return Generation.of(path, Part(path, name), None, None, {})


def test_losses_count_when_they_come_close_together_and_for_one_build() -> None:
    clock = Clock()
    poison = Poison(LIMITS, clock)
    one, other = build("1"), build("2")

    for pause in (31, 31, 31, 31):  # never three within sixty seconds
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


def test_a_build_that_kills_its_worker_while_it_is_loaded_counts_as_well(tmp_path: Path) -> None:
    """Compiling ahead runs a static constructor, so such a build never came to an exec, and cost a worker each time."""
    values = LIMITS.model_copy(update={"exec_timeout_s": WAIT_S, "allocate_timeout_s": WAIT_S})
    bad, good = compiled(tmp_path, "Bad", DIES_LOADING), compiled(tmp_path, "Fine", FINE)
    with Runner(values) as runner:
        kinds = [type(runner.mono_exec(bad, host=MessageHost(INVITE)).error) for _ in range(5)]

        # The keeper loads ahead meanwhile, and what that costs counts as well.
        assert (kinds[0], kinds[3:]) == (WorkerDied, [ScriptRefused] * 2)
        assert runner.mono_exec(good, host=MessageHost(INVITE)).ok
        compiled(tmp_path, "Bad", FINE)
        assert runner.mono_exec(bad, host=MessageHost(INVITE)).ok


def test_a_build_that_kills_its_worker_while_it_is_loaded_ahead_does_not_cost_all_and_counts(tmp_path: Path) -> None:
    values = LIMITS.model_copy(update={"exec_timeout_s": WAIT_S, "allocate_timeout_s": WAIT_S})
    values = values.model_copy(update={"poison_losses": 1, "num_workers": 3, "spare_workers": 0, "observer": "none"})
    with Runner(values) as runner:
        script = compiled(tmp_path, "Bad", FINE)
        assert runner.mono_exec(script, host=MessageHost(INVITE)).ok
        until(lambda: len(having(runner)) == 3, "all of them have it")
        before = having(runner)

        compiled(tmp_path, "Bad", DIES_LOADING)
        runner.prepare(str(script))

        assert before & set(runner.snapshot().pids), "the keeper may have tried it at the same time, but nobody again"
        assert isinstance(runner.mono_exec(script, host=MessageHost(INVITE)).error, ScriptRefused)


def having(runner: Runner) -> set[int]:
    """The workers that have a script."""
    return {worker.pid for worker in runner.snapshot().workers if worker.loaded}


def test_a_daemon_refuses_it_to_every_client_and_says_so(tmp_path: Path) -> None:
    with RunningDaemon(
        tmp_path, "poison_losses = 3\npoison_message_losses = 0\npoison_s = 60.0\nallocate_timeout_s = 20.0"
    ) as daemon:
        bad, good = compiled(daemon.scripts, "Dies", DIES), compiled(daemon.scripts, "Fine", FINE)
        leases = [Lease(str(daemon.socket)) for _ in range(2)]

        def kind(lease: Lease, script: Path) -> type[BaseException] | None:
            try:
                lease.exec(str(script), None, MessageHost(INVITE), time.monotonic() + WAIT_S)
            except (WorkerDied, ScriptRefused) as error:
                return type(error)
            return None

        kinds = [kind(lease, bad) for lease in (*leases, leases[0])]
        until(lambda: "refused for 60 s" in daemon.log(), "the daemon has heard of the third loss")
        after = [kind(lease, script) for lease in leases for script in (bad, good)]
        told = app_mono("status", "--socket", str(daemon.socket))
        value = daemon.status()
        for lease in leases:
            lease.close()

    assert kinds == [WorkerDied] * 3
    assert after == [ScriptRefused, None] * 2
    assert f"refused  {bad} for " in told.stdout
    assert list(value["refused_scripts"]) == [str(bad)]
    assert f"{bad}: refused for 60 s: it cost 3 workers" in daemon.log()


def deadly(call_id: str) -> MessageHost:
    return MessageHost(re.sub(rb"Call-ID: \S+", f"Call-ID: {call_id}".encode(), INVITE.replace(b"bob", b"deadly")))


def test_messages_of_one_call_id_are_refused_before_the_script_is_and_for_as_long() -> None:
    clock = Clock()
    poison = Poison(MESSAGES, clock)
    asked = []

    def call_id(text: str) -> str:
        asked.append(text)
        return text

    assert [poison.note(build("1"), "a"), poison.note(build("1"), "b"), poison.note(build("2"), "a")] == [0, 0, 1]
    with pytest.raises(ScriptRefused, match=r"/x\.exe: messages of Call-ID 'a' are refused for 60\.0 s more"):
        poison.check_message("/x.exe", lambda: call_id("a"))
    poison.check_message("/x.exe", lambda: call_id("b"))
    poison.check_message("/y.exe", lambda: call_id("a"))
    poison.check(build("1"))
    assert (poison.refused(), poison.refused_messages()) == ({}, [("/x.exe", "a", 60.0)])

    clock.now += 60
    poison.check_message("/x.exe", lambda: "a")
    assert poison.refused_messages() == []
    poison.note(build("1"), "c")
    asked.clear()
    poison.check_message("/x.exe", lambda: call_id("a"))
    assert asked == [], "while nothing is refused nobody asks for the Call-ID"


def test_call_ids_that_cost_one_worker_each_are_forgotten() -> None:
    clock = Clock()
    poison = Poison(MESSAGES.model_copy(update={"poison_losses": 0, "poison_s": 10}), clock)
    for number in range(1000):
        poison.note(build("1"), f"{number}" * 1000)
        clock.now += 1

    assert len(poison._lost) <= 11
    assert all(len(call_id) <= 200 for _, _, call_id in poison._lost)


def test_a_runner_refuses_a_deadly_message_and_runs_the_script_on_others(tmp_path: Path) -> None:
    values = MESSAGES.model_copy(update={"exec_timeout_s": WAIT_S, "allocate_timeout_s": WAIT_S})
    script = compiled(tmp_path, "DiesOfOne", DIES_OF_ONE)
    with Runner(values) as runner:
        errors = [type(runner.mono_exec(script, host=deadly("x")).error) for _ in range(5)]
        others = [runner.mono_exec(script, host=MessageHost(INVITE)).ok for _ in range(5)]

    assert errors == [WorkerDied] * 2 + [ScriptRefused] * 3
    assert others == [True] * 5


def test_a_daemon_tells_clients_that_hold_workers_which_messages_to_refuse(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, "poison_s = 60.0\nallocate_timeout_s = 20.0") as daemon, ExitStack() as stack:
        script = compiled(daemon.scripts, "DiesOfOne", DIES_OF_ONE)
        leases = [stack.enter_context(closing(Lease(str(daemon.socket)))) for _ in range(3)]

        def came(lease: Lease, host: MessageHost) -> type[BaseException] | None:
            try:
                lease.exec(str(script), None, host, time.monotonic() + WAIT_S)
            except (WorkerDied, ScriptRefused) as error:
                return type(error)
            return None

        assert [came(lease, MessageHost(INVITE)) for lease in leases] == [None] * 3
        lost = [came(leases[0], deadly("x")), came(leases[1], deadly("x"))]
        until(
            lambda: leases[2]._link.control is not None and leases[2]._link.control.has_news(), "the third one is told"
        )
        held = leases[2]._held
        refused = [came(lease, deadly("x")) for lease in leases[1:]]
        late = stack.enter_context(closing(Lease(str(daemon.socket))))
        refused.append(came(late, deadly("x")))
        others = [came(lease, MessageHost(INVITE)) for lease in (*leases, late)]
        told = app_mono("status", "--socket", str(daemon.socket)).stdout
        value = daemon.status()["refused_messages"]

        assert lost == [WorkerDied] * 2
        assert refused == [ScriptRefused] * 3
        assert leases[2]._held is held, "it kept its worker"
        assert others == [None] * 4
        assert f"refused  {script} to messages of Call-ID 'x' for " in told
        assert [(entry["script"], entry["call_id"]) for entry in value] == [(str(script), "x")]
        assert "messages of Call-ID 'x' are refused for 60 s: it cost 2 workers" in daemon.log()


def test_losses_of_builds_and_callers_are_counted_up_to_a_number() -> None:
    poison = Poison(Settings(poison_s=1e6, poison_message_losses=2), Clock())
    for number in range(3 * MAX_COUNTED):
        poison.note(build(str(number)), f"call-{number}", ONE)

    assert len(poison._lost) <= MAX_COUNTED


def test_what_is_refused_has_an_end_and_fits_into_one_message() -> None:
    poison = Poison(Settings(poison_message_losses=1, poison_losses=1, poison_s=1e6), Clock())
    for number in range(2 * MAX_REFUSED):
        poison.note(build(str(number), f"/{'x' * 4000}.exe"), f"{number:04}" + "\U0010ffff" * LONGEST_CALL_ID)

    assert len(poison.until) <= MAX_REFUSED
    assert len(json.dumps({"messages": poison.refused_messages()})) < MAX_LINE_BYTES


def test_what_clients_of_one_user_lost_counts_for_them_alone() -> None:
    poison = Poison(Settings(poison_losses=2, poison_message_losses=2, poison_s=60), Clock())
    for _ in range(2):
        poison.note(build("1"), "a", ONE)

    with pytest.raises(ScriptRefused):
        poison.check(build("1"), ONE)
    poison.check(build("1"), OTHER)
    poison.check(build("1"))
    assert poison.refused_messages(None, ONE) == [("/x.exe", "a", 60.0)]
    assert poison.refused_messages(None, OTHER) == []
    assert (list(poison.refused()), poison.refused_messages()) == (["/x.exe"], [("/x.exe", "a", 60.0)])

    for _ in range(2):
        poison.note(build("1"))
    with pytest.raises(ScriptRefused):
        poison.check(build("1"), OTHER)
