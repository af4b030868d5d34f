"""An exec within another one in a real worker: what a script asks for runs a script, with the same statics."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.build import ensure_bridge
from runner.errors import ExecTimeout, ScriptError, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.scripts.current import CurrentScripts
from runner.settings import Settings
from runner.wire.session import MAX_DEPTH, State
from runner.worker.outcome import ExecOutcome, Profile
from runner.worker.rundir import BLOBS
from tests.places import INVITE
from tests.programs import MCS
from tests.worker.workers import soon

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.scripts.generation import Generation
    from runner.worker.conversation import Conversation
    from runner.worker.worker import Worker

# SR.dll lets in an assembly of the name KSR alone, and these end their scripts as KSR.dll does.
PROGRAM = Path(__file__).with_name("Nests.cs")


class Nesting(MessageHost):
    """``ModF`` of an entry runs it, within the exec that asks; so does the variable ``$var(nest)``, with ``sets``."""

    def __init__(self, talk: Conversation, generation: Generation, deadline: Callable[[], float] = soon) -> None:
        super().__init__(INVITE)
        self.talk, self.generation, self._deadline = talk, generation, deadline
        self.outcomes: list[ExecOutcome] = []
        self.errors: list[BaseException] = []
        self.took_ns = 0

    def modf(self, function: str, *_arguments: str) -> int:
        if not self.talk.can_nest:
            return -1
        outcome, began = ExecOutcome(), time.monotonic_ns()
        self.outcomes.append(outcome)
        try:
            with self.talk.within():
                self.talk.exec(self.generation, None, self, self._deadline(), entry=function, outcome=outcome)
        except Exception as error:  # noqa: BLE001 - as a host does, whatever it is
            self.errors.append(error)
            return -1
        finally:
            self.took_ns = time.monotonic_ns() - began
        return outcome.code if outcome.code is not None else -1

    def get_s(self, name: str) -> str | None:
        return str(self.modf("sets")) if name == "$var(nest)" else super().get_s(name)

    def depends_on(self, call: str, name: str) -> str | None:
        return None if name == "$var(nest)" else super().depends_on(call, name)


def compiled(directory: Path) -> Path:
    directory.mkdir()
    path = directory / "KSR.exe"
    command = [MCS, "-langversion:6", "-t:library", f"-r:{ensure_bridge().sr_dll}", f"-out:{path}"]
    subprocess.run([*command, str(PROGRAM)], check=True, capture_output=True)
    return path


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("programs") / "one")


@pytest.fixture
def nests(worker: Worker, program: Path, tmp_path: Path) -> Generation:
    generation = CurrentScripts(Settings(observer="none"), tmp_path / BLOBS).current(str(program))
    assert worker.load(generation, soon()) == ()
    return generation


def run(worker: Worker, generation: Generation, entry: str, host: Nesting | None = None, **more: Any) -> ExecOutcome:
    host = host or Nesting(worker.conversation, generation)
    outcome = worker.exec(generation, None, host, soon(), entry=entry, **more)
    assert worker.state is State.IDLE
    return outcome


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ("outer", 1111), ("guesses", 0), ("reads", 0), ("survives", -10), ("goes_on", 5), ("has_threads", 0),
        ("others_wait", 0), ("on_a_task", 0),
    ],
)  # fmt: skip
def test_the_outer_one_goes_on_as_it_was(worker: Worker, nests: Generation, entry: str, code: int) -> None:
    """Again and again, so that what both read and write has been learned and travels with them."""
    for _ in range(5):
        assert run(worker, nests, entry).code == code

    assert worker.retire_reason == ""


def test_an_exit_ends_the_innermost_alone(worker: Worker, nests: Generation) -> None:
    host = Nesting(worker.conversation, nests)
    outer = run(worker, nests, "goes_on", host)
    assert [outer.has_ended_routing, *(inner.has_ended_routing for inner in host.outcomes)] == [False, True]

    outer = run(worker, nests, "exits_after")
    assert (outer.code, outer.has_ended_routing) == (0, True)


def test_an_exception_ends_the_innermost_alone(worker: Worker, nests: Generation) -> None:
    host = Nesting(worker.conversation, nests)

    run(worker, nests, "survives", host)

    assert [type(error) for error in host.errors] == [ScriptError]
    assert "InvalidOperationException: boom" in str(host.errors[0])


def test_as_many_run_within_each_other_as_may(worker: Worker, nests: Generation) -> None:
    for _ in range(2):
        assert run(worker, nests, "counts").code == MAX_DEPTH - 1


def test_a_question_of_a_thread_that_outlives_the_script_is_answered_first(worker: Worker, nests: Generation) -> None:
    host = Nesting(worker.conversation, nests)

    assert run(worker, nests, "leaves", host).code == 4
    assert [outcome.code for outcome in host.outcomes] == [0]


def test_each_has_its_own_bounds(worker: Worker, nests: Generation) -> None:
    host = Nesting(worker.conversation, nests)

    outer = run(worker, nests, "logs_twice", host)

    (inner,) = host.outcomes
    assert (outer.logs, outer.dropped, inner.logs, inner.dropped) == (999, 0, 700, 0)
    assert host.logs[-1] == (3, "x")


def test_the_time_of_the_inner_one_is_a_wait_of_the_outer_one(worker: Worker, nests: Generation) -> None:
    spent: dict[str, int] = {}
    outcome = ExecOutcome()
    outcome.profile = Profile(spent)
    host = Nesting(worker.conversation, nests)

    run(worker, nests, "waits", host, outcome=outcome)

    assert spent["script"] + host.took_ns <= spent["turns"]


def test_another_build_runs_within_it_in_its_own_place(worker: Worker, nests: Generation, tmp_path: Path) -> None:
    other = CurrentScripts(Settings(observer="none"), tmp_path / BLOBS).current(str(compiled(tmp_path / "two")))
    assert worker.load(other, soon()) == ()

    for _ in range(2):
        assert run(worker, nests, "places", Nesting(worker.conversation, other)).code == 121


def test_one_that_takes_too_long_is_the_end_of_both(worker: Worker, nests: Generation) -> None:
    host = Nesting(worker.conversation, nests, lambda: time.monotonic() + 0.05)

    with pytest.raises(ExecTimeout, match="in a script that ran within it: it was not done in time") as caught:
        run(worker, nests, "asks_never", host)

    assert [type(error) for error in host.errors] == [ExecTimeout]
    assert not caught.value.is_left
    assert not worker.is_alive


def test_one_that_ends_the_process_is_the_end_of_both(worker: Worker, nests: Generation) -> None:
    host = Nesting(worker.conversation, nests)

    with pytest.raises(WorkerDied, match="the process ended"):
        run(worker, nests, "asks_ends", host)

    (inner,) = host.outcomes
    assert (inner.code, inner.has_exited) == (3, True)
