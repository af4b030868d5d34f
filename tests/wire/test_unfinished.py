"""runner.wire.unfinished: an exec or a load that its caller no longer waits for, followed to its end."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ExecTimeout, ProtocolViolation, WorkerDied
from runner.wire.events import Done, Exiting, Failed, Loaded, Question
from runner.wire.session import State
from runner.wire.unfinished import LONGEST_REST, REFUSAL, STATES, Unfinished, hear_out
from tests.programs import WAIT_S
from tests.wire.ends import SOON_S
from tests.wire.sessions import EXITING, LOG, QUESTION, REQUEST, error, result, session_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.wire.channel import Channel
    from runner.wire.session import Session
    from tests.wire.ends import Ends

UNFINISHED = Unfinished(State.ASKED, 7, 2, '{"json', 'rpc"}\n')
DONE = result(REQUEST[State.RUNNING], {"code": 5, "used": 0, "edits": []})
MUCH = 1 << 20


def heard_out(
    channel: Channel,
    session: Session,
    *,
    answer: Callable[[Question], bytes] | None = None,
    seconds: float = WAIT_S,
    most: int = MUCH,
) -> object:
    """How it ends, where every question is refused unless the test answers it."""
    answering = answer or (lambda _question: session.refuse(REFUSAL))
    return hear_out(channel, session, time.monotonic() + seconds, answering, most)


# What goes to another process.


@pytest.mark.parametrize("state", STATES.values())
def test_where_a_conversation_stands_is_the_same_to_another_process(state: State) -> None:
    one = replace(UNFINISHED, state=state)

    assert Unfinished.from_json(json.loads(json.dumps(one.as_json()))) == one


def test_lines_in_part_may_be_so_long_together() -> None:
    one = replace(UNFINISHED, heard="x" * (LONGEST_REST - 1), unsent="y")

    assert Unfinished.from_json(one.as_json()) == one


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": State.CLOSED.value},
        {"state": State.STARTING.value},
        {"state": "later"},
        {"state": None},
        {"request": "7"},
        {"question": None},
        {"heard": "é"},
        {"unsent": "é"},
        {"heard": 7},
        {"heard": "x" * (LONGEST_REST + 1)},
        {"heard": "x" * (LONGEST_REST // 2), "unsent": "x" * (LONGEST_REST // 2 + 1)},
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_nobody_can_go_on_with_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected an unfinished exec or load"):
        Unfinished.from_json(UNFINISHED.as_json() | wrong)


@pytest.mark.parametrize("known", [None, [], {}, "x", {"state": "running"}])
def test_what_has_another_shape_is_refused(known: object) -> None:
    with pytest.raises(ValueError, match="expected an unfinished exec or load"):
        Unfinished.from_json(known)


# How it ends.


def test_it_ends_with_its_result(pair: tuple[Channel, Ends]) -> None:
    channel, worker = pair
    session = session_in(State.RUNNING)
    worker.sendall(LOG + DONE)

    end = heard_out(channel, session)

    assert isinstance(end, Done)
    assert end.code == 5
    assert session.state is State.IDLE


def test_its_questions_are_answered_one_after_another(pair: tuple[Channel, Ends]) -> None:
    channel, worker = pair
    session = session_in(State.RUNNING)
    asked: list[str] = []

    def answer(question: Question) -> bytes:
        asked.append(question.args[0])
        worker.sendall(DONE if len(asked) == 2 else QUESTION.replace(b"$ru", b"$rU"))
        return session.answer("found") if len(asked) == 1 else session.refuse(REFUSAL)

    worker.sendall(QUESTION)
    end = heard_out(channel, session, answer=answer)
    lines = worker.recv(4096).splitlines()

    assert isinstance(end, Done)
    assert asked == ["$ru", "$rU"]
    assert [json.loads(line).get("result") for line in lines] == ["found", None]
    assert json.loads(lines[1])["error"]["message"] == REFUSAL


def test_a_question_that_was_open_is_refused_first(pair: tuple[Channel, Ends]) -> None:
    channel, worker = pair
    session = session_in(State.ASKED)
    worker.sendall(DONE)

    end = heard_out(channel, session)

    assert isinstance(end, Done)
    assert json.loads(worker.recv(4096))["error"]["message"] == REFUSAL


def test_a_line_that_was_sent_in_part_is_sent_to_its_end(pair: tuple[Channel, Ends]) -> None:
    channel, worker = pair
    channel.unsent = b'the rest"}\n'
    worker.sendall(DONE)

    heard_out(channel, session_in(State.RUNNING))

    assert worker.recv(4096) == b'the rest"}\n'
    assert channel.unsent == b""


@pytest.mark.parametrize(
    ("state", "said", "end"),
    [
        (State.LOADING, result(REQUEST[State.LOADING], {"needs": ["H"]}), Loaded(("H",))),
        (
            State.RUNNING,
            error(REQUEST[State.RUNNING], code=-32000, message="boom", data={"stack": "at X"}),
            Failed(-32000, "boom", "at X"),
        ),
        (State.RUNNING, EXITING % REQUEST[State.RUNNING], Exiting(3, ends_request=True)),
        (State.LOADING, EXITING % 0, Exiting(3, ends_request=False)),
    ],
)
def test_a_load_an_error_and_the_end_of_the_process_are_ends_too(
    pair: tuple[Channel, Ends], state: State, said: bytes, end: object
) -> None:
    channel, worker = pair
    worker.sendall(said)

    assert heard_out(channel, session_in(state)) == end


def test_what_has_not_ended_at_the_deadline_is_an_error(pair: tuple[Channel, Ends]) -> None:
    channel, worker = pair
    worker.sendall(LOG)

    with pytest.raises(ExecTimeout, match="it did not end") as caught:
        heard_out(channel, session_in(State.RUNNING), seconds=SOON_S)
    assert caught.value.step == "RUNNING"


def test_a_worker_that_ends_without_a_word_has_died(pair: tuple[Channel, Ends]) -> None:
    channel, worker = pair
    session = session_in(State.RUNNING)
    worker.close()

    with pytest.raises(WorkerDied, match="the process ended"):
        heard_out(channel, session)
    assert session.state is State.CLOSED


def test_a_worker_that_takes_no_answer_has_died(pair: tuple[Channel, Ends]) -> None:
    channel, worker = pair
    session = session_in(State.RUNNING)

    def answer(_question: Question) -> bytes:
        worker.close()
        return session.refuse(REFUSAL)

    worker.sendall(QUESTION)
    with pytest.raises(WorkerDied, match="the process has ended"):
        heard_out(channel, session, answer=answer)


def test_it_may_say_so_much_and_no_more(pair: tuple[Channel, Ends]) -> None:
    channel, worker = pair
    worker.sendall(LOG + DONE)
    assert isinstance(heard_out(channel, session_in(State.RUNNING), most=len(LOG + DONE)), Done)

    worker.sendall(LOG + DONE)
    with pytest.raises(ProtocolViolation, match="more than one exec may"):
        heard_out(channel, session_in(State.RUNNING), most=len(LOG + DONE) - 1)
