"""runner.worker.conversation: the talk with one worker, from its first line to its last."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from runner.calls import FIND
from runner.errors import (
    CallRefused,
    ConfigError,
    ExecTimeout,
    HostFault,
    PoolExhausted,
    ProtocolViolation,
    ScriptError,
    ScriptInvalid,
    WorkerDied,
    WorkerGone,
)
from runner.hosts.embedded.host import MessageHost
from runner.scripts.generation import Generation, Helper, Part
from runner.wire import messages
from runner.wire.channel import Channel
from runner.wire.session import Session, State
from runner.worker.conversation import Conversation
from runner.worker.outcome import ExecOutcome, Profile
from tests.places import INVITE
from tests.pool.test_warming import build
from tests.programs import WAIT_S
from tests.worker.bridges import DONE, EXITING, LOADED, PID, PLAN, Bridge, exiting, question, result, threw
from tests.worker.workers import loaded, soon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.worker.worker import Worker


QUESTION = b'{"jsonrpc":"2.0","id":1,"method":"PV.GetS","params":["$ru"]}\n'
TEXT = b'{"jsonrpc":"2.0","method":"Core.Log","params":[1,"x"]}\n'
READY = b'{"jsonrpc":"2.0","method":"ready","params":{"protocol":3,"runtime":"6.8","pid":7,"can":["values","later"]}}\n'


@contextlib.contextmanager
def late_once_heard() -> Iterator[None]:
    """The time of an exec passes as soon as its worker has said something."""
    heard: list[bytes] = []

    def read(descriptor: int, count: int) -> bytes:
        heard.append(os.read(descriptor, count))
        return heard[-1]

    def monotonic() -> float:
        return time.monotonic() + (2 * WAIT_S if heard else 0.0)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("runner.wire.channel.os", SimpleNamespace(**vars(os) | {"read": read}))
        patched.setattr("runner.wire.channel.time", SimpleNamespace(monotonic=monotonic))
        yield


def test_a_parameter_that_is_too_long_is_refused_and_the_worker_keeps_serving(worker: Worker, tmp_path: Path) -> None:
    generation = loaded(worker, "ReturnsIntTakesArguments", tmp_path)

    with pytest.raises(ConfigError, match="expected a line of at most"):
        worker.exec(generation, "x" * (9 * 1024 * 1024), MessageHost(INVITE), soon())

    assert worker.exec(generation, "four", MessageHost(INVITE), soon()).code == 4


def test_a_file_that_is_not_an_assembly_is_refused_and_the_worker_keeps_serving(worker: Worker, tmp_path: Path) -> None:
    good = loaded(worker, "ReturnsInt", tmp_path)
    vanished = replace(good, id="other", path="/x/other.exe", file=replace(good.file, hash="0" * 64))

    with pytest.raises(ScriptInvalid, match=r"other\.exe"):
        worker.load(vanished, soon())

    assert worker.exec(good, None, MessageHost(INVITE), soon()).code == 7


@contextlib.contextmanager
def late(max_line_bytes: int = 1024) -> Iterator[tuple[Conversation, int]]:
    """A conversation in a late run, and where its worker speaks."""
    (reads, says), (hears, writes) = os.pipe(), os.pipe()
    session = Session.resumed(max_line_bytes, State.RUNNING, 0, 0, b"")
    conversation = Conversation(Channel(reads, writes), session, 1, 0)
    try:
        yield conversation, says
    finally:
        conversation.end()
        os.close(hears)
        os.close(says)


def test_a_script_that_asks_and_ends_the_process_at_the_same_time_has_ended() -> None:
    with late() as (conversation, says):
        os.write(says, QUESTION + EXITING)

        with pytest.raises(WorkerDied, match="code 3"):
            conversation.finish(build(), time.monotonic() + WAIT_S)


def test_a_late_run_says_no_more_than_one_in_time() -> None:
    with late(64) as (conversation, says), contextlib.ExitStack() as stack:
        ends = threading.Event()

        def flood() -> None:
            with contextlib.suppress(OSError):
                while not ends.is_set():
                    os.write(says, TEXT)

        thread = threading.Thread(target=flood)
        thread.start()
        stack.callback(thread.join, WAIT_S)
        stack.callback(conversation.end)
        stack.callback(ends.set)

        with pytest.raises(ProtocolViolation, match="more than one exec may"):
            conversation.finish(build(), time.monotonic() + WAIT_S)


# Against a worker that says what the test wants.


def test_a_new_worker_tells_its_runtime_first() -> None:
    (reads, says), (hears, writes) = os.pipe(), os.pipe()
    conversation = Conversation(Channel(reads, writes), Session(1024), PID, follows=0)
    os.write(says, READY)
    try:
        assert conversation.await_ready(soon()) == "6.8"
        assert conversation.state is State.IDLE
        assert conversation.holdings.can == ("values",), "what only a later version knows is not used"
    finally:
        conversation.end()
        os.close(hears)
        os.close(says)


def test_a_build_is_loaded_or_what_it_needs_is_named() -> None:
    helped = Generation.of("/x.exe", Part("/x.exe", "a"), None, None, {"H": Helper(Part("/H.dll", "h"))})
    with Bridge(result(needs=["H"]), LOADED) as bridge:
        assert bridge.load(build()) == ("H",)
        assert bridge.conversation.holdings.loaded == {}
        assert bridge.load(helped) == ()

    holdings = bridge.conversation.holdings
    assert holdings.loaded == {"/x.exe": helped}
    assert holdings.bound == {"H": "h"}
    assert [line["params"]["generation"] for line in bridge.heard] == [build().id, helped.id]


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (threw(messages.SCRIPT_CANNOT_RUN, stack="at X"), ScriptInvalid, "boom"),
        (exiting(during=True), ScriptInvalid, "/x.exe: the script ended the process with code 3 at its load"),
        (exiting(during=False), WorkerGone, "the process ended by itself with code 3"),
    ],
    ids=["error", "exits", "had exited"],
)
def test_a_build_that_cannot_be_loaded_says_why(answer: Any, error: type[Exception], told: str) -> None:
    with Bridge(answer) as bridge, pytest.raises(error, match=told):
        bridge.load(build())

    assert bridge.conversation.holdings.loaded == {}


def test_an_exec_carries_its_parameter_and_counts() -> None:
    with Bridge(DONE, result(code=-7, used=0, edits=[])) as bridge:
        codes = [bridge.exec(build(), "a b").code, bridge.exec(build(), fresh=True).code]

    holdings = bridge.conversation.holdings
    assert codes == [0, -7]
    assert (holdings.execs, holdings.loads) == (2, 1), "new statics count as a load"
    assert holdings.ran == {"/x.exe": build().id}
    assert time.monotonic() - holdings.last_used < WAIT_S
    assert [line["params"].get("param") for line in bridge.heard] == ["a b", None]
    assert [line["params"].get("fresh") for line in bridge.heard] == [None, True]


def test_questions_are_answered_by_the_host_in_turn() -> None:
    host = MessageHost(INVITE)
    with Bridge(question("PV.SetS", "$var(a)", "x"), question("PV.GetS", "$var(a)"), DONE) as bridge:
        outcome = bridge.exec(build(), host=host)

    assert [line["result"] for line in bridge.heard[1:]] == [0, "x"]
    assert (outcome.answered, outcome.edited) == (2, 1)


def test_a_question_that_the_host_refuses_gets_an_error() -> None:
    class Refusing(MessageHost):
        def get_s(self, _name: str) -> str | None:
            raise CallRefused("not now")

    with Bridge(question("PV.GetS", "$ru"), DONE) as bridge:
        assert bridge.exec(build(), host=Refusing(INVITE)).code == 0

    assert bridge.heard[1]["error"] == {"code": messages.CALL_REFUSED, "message": "not now"}


@pytest.mark.parametrize(
    ("code", "error"), [(messages.SCRIPT_THREW, ScriptError), (messages.SCRIPT_CANNOT_RUN, ScriptInvalid)]
)
def test_a_script_that_throws_leaves_its_worker_idle(code: int, error: type[ScriptError]) -> None:
    with Bridge(threw(code, stack="at X.Main"), DONE) as bridge:
        with pytest.raises(error, match="boom") as caught:
            bridge.exec(build())
        assert type(caught.value) is error
        assert caught.value.detail == "at X.Main"
        assert bridge.conversation.holdings.has_run(build())
        assert bridge.exec(build()).code == 0


@pytest.mark.parametrize("answer", [result(code=0, used=0, edits=[], worn="threads"), threw(-32000, worn="threads")])
def test_a_process_that_should_run_nothing_more_says_so_with_its_last_answer(answer: Any) -> None:
    with Bridge(answer) as bridge, contextlib.suppress(ScriptError):
        bridge.exec(build())

    assert bridge.conversation.holdings.retire_reason == "threads"


def test_a_script_that_ends_the_process_has_its_code() -> None:
    with Bridge(exiting(during=True), stays=False) as bridge:
        outcome = bridge.exec(build())
        assert (outcome.code, outcome.has_exited, bridge.conversation.can_go_on) == (3, True, False)


def test_a_process_that_ended_before_main_ran_nothing() -> None:
    with Bridge(exiting(during=False), stays=False) as bridge, pytest.raises(WorkerGone, match="not in this exec"):
        bridge.exec(build())


def test_a_process_that_ends_right_behind_the_result_keeps_the_result() -> None:
    """Both lines can come in one read; the script ran a second time, in another worker."""
    done = b'{"jsonrpc":"2.0","id":1,"result":{"code":7,"used":0,"edits":[]}}\n'
    with Bridge(lambda _: done + EXITING, stays=False) as bridge:
        outcome = bridge.exec(build())
        assert (outcome.code, outcome.has_exited, bridge.conversation.can_go_on) == (7, True, False)


def test_a_process_that_says_it_ended_in_no_exec_did_not_run_this_one_for_nothing() -> None:
    asked = b'{"jsonrpc":"2.0","id":1,"method":"%s","params":["Plugged"]}\n' % FIND.name.encode()
    begun: tuple[tuple[Any, ...], ...] = (
        (question("PV.SetS", "$var(x)", "1"), exiting(during=False)),
        (question(FIND.name, "Plugged"), exiting(during=False)),
        (lambda number: asked + exiting(during=False)(number),),
    )
    for answers in begun:
        with Bridge(*answers, stays=False) as bridge, pytest.raises(WorkerDied, match="not by this exec"):
            bridge.exec(build())


def test_a_process_that_ends_without_a_word_has_died_where_it_was() -> None:
    with Bridge(lambda _: b"", stays=False) as bridge, pytest.raises(WorkerDied) as caught:
        bridge.exec(build())

    assert caught.value.step == "RUNNING"
    assert not bridge.conversation.can_go_on


def test_a_process_that_had_ended_took_no_exec() -> None:
    with Bridge(stays=False) as bridge:
        bridge.thread.join(WAIT_S)
        with pytest.raises(WorkerGone, match="the process has ended"):
            bridge.exec(build())


def test_an_assembly_that_a_script_loads_by_name_is_found_and_bound(caplog: pytest.LogCaptureFixture) -> None:
    def find(_build: Generation, name: str, _deadline: float) -> Helper | None:
        if name == "Broken":
            raise PoolExhausted("no daemon")
        return Helper(Part(f"/{name}.dll", "p")) if name == "Plug" else None

    names = ("Plug", "Gone", "Broken")
    with Bridge(*(question(FIND.name, name) for name in names), DONE) as bridge:
        bridge.conversation.find_helper = find
        outcome = bridge.exec(build())

    assert [line["result"] for line in bridge.heard[1:]] == ["p", None, None]
    assert bridge.conversation.holdings.bound == {"Plug": "p"}
    assert bridge.conversation.holdings.loads == 1
    assert outcome.calls == 0, "the host was asked nothing"
    assert caplog.messages == [f"worker {PID}: no daemon"]


def test_a_plan_travels_once_and_again_after_a_load() -> None:
    planned = build()
    planned.foresight.plan = PLAN
    with Bridge(*[result(code=0, used=1, edits=[])] * 2, LOADED, result(code=0, used=1, edits=[])) as bridge:
        for _ in range(2):
            assert bridge.exec(planned).used == 1
        bridge.load(planned)
        bridge.exec(planned)

    execs = [line["params"] for line in bridge.heard if line["method"] == "exec"]
    assert ["plan" in params for params in execs] == [True, False, True]
    assert [params["values"] for params in execs] == [["INVITE"]] * 3
    assert [params["certain"] for params in execs] == [1] * 3


def test_certain_edits_are_made_with_the_result() -> None:
    planned, host = build(), MessageHost(INVITE)
    planned.foresight.plan = PLAN
    with Bridge(result(code=0, used=0, edits=[[0, "x"], [0, "y"]])) as bridge:
        outcome = bridge.exec(planned, host=host)

    assert (outcome.certain, outcome.calls) == (2, 2)
    assert host.get_s("$var(a)") == "y"


def test_a_certain_edit_that_the_host_does_not_make_is_its_fault_and_costs_no_worker() -> None:
    class Lying(MessageHost):
        def set_s(self, _name: str, _value: str) -> int:
            return -1

    planned = build()
    planned.foresight.plan = PLAN
    with Bridge(result(code=0, used=0, edits=[[0, "x"]]), DONE) as bridge:
        with pytest.raises(HostFault, match=r"refused PV\.SetS\('\$var\(a\)', 'x'\)"):
            bridge.exec(planned, host=Lying(INVITE))
        assert bridge.exec(planned).code == 0


def test_where_the_time_goes_is_asked_for_and_told() -> None:
    spent: dict[str, int] = {}
    outcome = ExecOutcome()
    outcome.profile = Profile(spent)
    outcome.profile.begin()
    with Bridge(result(code=0, used=0, spent=[11, 22], edits=[])) as bridge:
        bridge.exec(build(), outcome=outcome)

    assert bridge.heard[0]["params"]["profile"] is True
    assert (spent["decode"], spent["script"]) == (11, 22)
    assert spent.keys() == {"encode", "turns", "decode", "script"}


def test_a_run_that_is_late_goes_on_over_another_channel_and_ends_there() -> None:
    """As when a client hands a worker to its daemon: what was heard in part goes with it."""
    with Bridge(lambda _: b'{"jsonrpc":"2.0","id":1,"res') as bridge:
        with late_once_heard(), pytest.raises(ExecTimeout):
            bridge.exec(build())
        unfinished = bridge.conversation.unfinished()
        assert unfinished is not None
        assert (unfinished.state, unfinished.request) == (State.RUNNING, 1)
        assert unfinished.heard == '{"jsonrpc":"2.0","id":1,"res'

        channel = bridge.conversation.hand_over()
        assert not bridge.conversation.can_go_on
        resumed = bridge.conversation.resumed(channel, unfinished)
        resumed.holdings.add(build())
        os.write(bridge.says, b'ult":{"code":0,"used":0,"edits":[]}}\n')
        resumed.finish(build(), soon())

        assert resumed.state is State.IDLE
        assert resumed.holdings is bridge.conversation.holdings
        assert resumed.holdings.has_run(build())
        resumed.end()


def test_a_worker_that_wrote_what_is_no_ascii_is_not_gone_on_with() -> None:
    with Bridge(lambda _: b'{"\xff') as bridge:
        with late_once_heard(), pytest.raises(ExecTimeout):
            bridge.exec(build())

        assert bridge.conversation.unfinished() is None


def test_a_load_that_is_late_binds_what_it_has_loaded() -> None:
    helped = Generation.of("/x.exe", Part("/x.exe", "a"), None, None, {"H": Helper(Part("/H.dll", "h"))})
    with late() as (conversation, says):
        session = Session.resumed(1024, State.LOADING, 1, 0, b"")
        conversation.session = session
        os.write(says, b'{"jsonrpc":"2.0","id":1,"result":{"needs":[]}}\n')

        conversation.finish(helped, soon())

        assert conversation.holdings.has(helped)
        assert conversation.holdings.bound == {"H": "h"}


def test_what_is_unfinished_and_idle_has_only_come_too_late() -> None:
    with late() as (conversation, _says):
        conversation.session = Session(1024, State.IDLE)

        conversation.finish(build(), soon())

        assert conversation.holdings.ran == {"/x.exe": build().id}
