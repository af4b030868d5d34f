"""runner.session: every step that the table allows, and that nothing else is one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.calls import CALLS
from runner.errors import ProtocolViolation
from runner.wire.events import Done, Edits, Event, Exiting, Failed, Loaded, Notice, Question, Ready
from runner.wire.session import TABLE, Session, State
from tests.places import ROOT
from tests.wire.sessions import EXITING, LIMIT, LOG, QUESTION, READY, REQUEST, WRONG_EDITS, error, result, session_in

if TYPE_CHECKING:
    from collections.abc import Callable


PROTOCOL_MD = ROOT / "docs" / "protocol.md"


def incoming(event: str, state: State) -> bytes:
    """The line that would be this event, with the id and the shape that fit the state best."""
    request_id = REQUEST.get(state, 1)
    return {
        "<- ready": READY,
        "<- notice": LOG,
        "<- question": QUESTION,
        "<- exiting": EXITING % request_id,
        "<- error": error(request_id, code=-32000, message="boom"),
        "<- result": result(request_id, {"needs": []} if state is State.LOADING else {"code": 0}),
    }[event]


def say(session: Session, event: str) -> bytes:
    match event:
        case "-> load":
            return session.load({})
        case "-> exec":
            return session.exec("6f", "p")
    return session.answer("x")


INCOMING = ("<- ready", "<- notice", "<- question", "<- exiting", "<- error", "<- result")
OUTGOING = ("-> load", "-> exec", "-> answer")


def pairs(events: tuple[str, ...], *, allowed: bool) -> list[tuple[State, str]]:
    return [(state, event) for state in State for event in events if ((state, event) in TABLE) is allowed]


def documented_table() -> dict[tuple[State, str], State]:
    """The table of docs/protocol.md in the words of ``TABLE``; its last two rows are said by no message."""
    words = {
        "← notice `ready`": ("<- ready",),
        "→ request `load`": ("-> load",),
        "→ request `exec`": ("-> exec",),
        "← result or error": ("<- result", "<- error"),
        "← result or error of an exec within another": ("<- inner result", "<- inner error"),
        "← notice `Core.Log` or `edits`": ("<- notice",),
        "← notice `Core.Log`": ("<- notice",),
        "← request, one of the calls": ("<- question",),
        "→ result or error": ("-> answer",),
        "← notice `exiting`": ("<- exiting",),
        "← end of stream": (),
        "← anything else": (),
    }
    rows = re.findall(r"^\| ([A-Z]+|any) \| (.+?) \| ([A-Z]+) \| .+? \|$", PROTOCOL_MD.read_text("utf-8"), re.MULTILINE)
    assert [event for _, event, _ in rows if event not in words] == []
    assert rows[-2:] == [("any", "← end of stream", "CLOSED"), ("any", "← anything else", "BROKEN")]
    alive = [state for state in State if state not in {State.CLOSED, State.BROKEN}]
    return {
        (state, event): State[following]
        for where, event_words, following in rows
        for state in (alive if where == "any" else [State[where]])
        for event in words[event_words]
    }


def test_the_table_is_the_one_in_the_protocol_document() -> None:
    assert documented_table() == TABLE


@pytest.mark.parametrize(("state", "event"), pairs(INCOMING, allowed=True))
def test_a_message_of_the_table_leads_to_its_state(state: State, event: str) -> None:
    session = session_in(state)

    events = session.receive(incoming(event, state))

    assert len(events) == 1
    assert session.state is TABLE[state, event]


@pytest.mark.parametrize(("state", "event"), pairs(INCOMING, allowed=False))
def test_a_message_that_is_not_in_the_table_is_a_violation(state: State, event: str) -> None:
    session = session_in(state)

    if state is State.CLOSED:
        assert session.receive(incoming(event, state)) == []
        assert session.state is State.CLOSED
        return
    with pytest.raises(ProtocolViolation, match=r"expected|not allowed") as caught:
        session.receive(incoming(event, state))
    assert session.state is State.BROKEN
    assert caught.value.step == state.name
    assert not caught.value.worker_survives


@pytest.mark.parametrize(("state", "event"), pairs(OUTGOING, allowed=True))
def test_what_we_may_say_is_one_line_and_leads_to_its_state(state: State, event: str) -> None:
    session = session_in(state)

    line = say(session, event)

    assert line.index(b"\n") == len(line) - 1
    assert session.state is TABLE[state, event]


@pytest.mark.parametrize(("state", "event"), pairs(OUTGOING, allowed=False))
def test_speaking_out_of_turn_is_the_callers_mistake_and_changes_nothing(state: State, event: str) -> None:
    session = session_in(state)

    with pytest.raises(RuntimeError, match="not allowed while"):
        say(session, event)

    assert session.state is state


def test_speaking_out_of_turn_does_not_make_the_awaited_answer_a_stranger() -> None:
    """The number of the refused request was taken all the same, so the running exec's result was a violation."""
    session = session_in(State.RUNNING)

    with pytest.raises(RuntimeError):
        session.load({})

    assert session.receive(result(2, {"code": 0})) == [Done(0)]


@pytest.mark.parametrize("state", list(State))
def test_the_end_of_the_stream_closes_every_conversation_that_is_not_broken(state: State) -> None:
    session = session_in(state)

    session.end()

    assert session.state is (State.BROKEN if state is State.BROKEN else State.CLOSED)


CONVERSATION: list[tuple[Callable[[Session], bytes] | None, bytes, list[Event]]] = [
    (None, READY, [Ready("6.8", 7)]),
    (lambda session: session.load({}), result(1, {"needs": ["H"]}), [Loaded(("H",))]),
    (lambda session: session.load({}), error(2, code=-32001, message="bad"), [Failed(-32001, "bad", "")]),
    (lambda session: session.load({}), result(3, {"needs": [], "entries": ["a"]}), [Loaded((), ("a",))]),
    (
        lambda session: session.exec("6f", "p"),
        b"[%s,%s]\n"
        % (
            b'{"jsonrpc":"2.0","method":"Core.Log","params":[-1,"\\u00e9\\udc80"]}',
            b'{"jsonrpc":"2.0","id":9,"method":"PV.SetI","params":["$var(x)",-5]}',
        ),
        [Notice("Core.Log", (-1, "é\udc80")), Question("PV.SetI", ("$var(x)", -5))],
    ),
    (
        lambda session: session.answer(0),
        LOG + result(4, {"code": 1}),
        [Notice("Core.Log", (3, "hello")), Done(1)],
    ),
    (
        lambda session: session.exec("6f", None, certain=0b101, takes=(str, str, int)),
        b'[{"jsonrpc":"2.0","method":"edits","params":[[2,7],[0,"a"]]},%s]\n' % LOG.strip()
        + result(5, {"code": 0, "used": 3, "edits": [[0, "b"], [2, -1]]}),
        [Edits([[2, 7], [0, "a"]]), Notice("Core.Log", (3, "hello")), Done(0, 3, (), "", [[0, "b"], [2, -1]])],
    ),
    (
        lambda session: session.exec("6f", None, certain=0b101, takes=(str, str, int)),
        result(6, {"code": 1, "edits": [[0, "b"]]}),
        [Done(1, edits=[[0, "b"]])],
    ),
    (
        lambda session: session.exec("6f", None),
        error(7, code=-32000, message="E: boom", data={"type": "E", "message": "boom", "stack": "  at X"}),
        [Failed(-32000, "E: boom", "  at X")],
    ),
    (
        lambda session: session.exec("6f", None),
        result(8, {"code": 0, "used": 0, "edits": [], "exited": True}),
        [Done(0, exited=True)],
    ),
    (lambda session: session.exec("6f", None), EXITING % 9, [Exiting(3, ends_request=True)]),
]


@given(st.data())
@settings(deadline=None)
def test_a_line_split_anywhere_gives_the_same_events(data: st.DataObject) -> None:
    session = Session(LIMIT)

    for speak, lines, expected in CONVERSATION:
        if speak is not None:
            speak(session)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=6)))
        events = [
            event
            for begin, end in zip([0, *cuts], [*cuts, len(lines)], strict=True)
            for event in session.receive(lines[begin:end])
        ]
        assert events == expected


def test_a_conversation_that_comes_byte_by_byte_gives_the_same_events() -> None:
    session = Session(LIMIT)

    for speak, lines, expected in CONVERSATION:
        if speak is not None:
            speak(session)
        assert [event for byte in lines for event in session.receive(bytes([byte]))] == expected


WORDS = ["edits", "used", "jsonrpc", "id", "method", "params", "result", "error", "code", "message", "data", "stack"]
NAMES = [*CALLS, *WORDS, "needs", "loaded", "exec", "protocol", "runtime", "pid", "2.0", "ready", "exiting", "\ud800"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.integers() | st.floats() | st.sampled_from(NAMES) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)
NEARLY_MESSAGES = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0")},
    optional={
        "id": st.integers(1, 2) | VALUES,
        "method": st.sampled_from(NAMES) | VALUES,
        "params": VALUES,
        "result": VALUES,
        "error": VALUES,
    },
)
LINES = st.binary(max_size=80) | (NEARLY_MESSAGES | st.lists(NEARLY_MESSAGES) | VALUES).map(
    lambda value: json.dumps(value).encode()
)


@given(st.sampled_from(State), st.lists(LINES, max_size=4))
@settings(deadline=None, max_examples=300)
def test_arbitrary_lines_end_in_a_named_error_or_in_events(state: State, lines: list[bytes]) -> None:
    session = session_in(state)

    violated = state is State.BROKEN
    try:
        for line in lines:
            session.receive(line + b"\n")
    except ProtocolViolation:
        violated = True

    assert (session.state is State.BROKEN) is violated


def outcome(session: Session, *pieces: bytes) -> tuple[list[Event], State] | str:
    """What a session makes of these bytes: events and its state then, or the violation."""
    events: list[Event] = []
    try:
        for piece in pieces:
            events += session.receive(piece)
    except ProtocolViolation as error:
        return str(error)
    return events, session.state


ANY_EDITS: st.SearchStrategy[list[Any]] = st.lists(
    st.integers(-1, 4) | st.sampled_from(["a", True, None, 1.0, []]), max_size=5
)
NEARLY_RESULTS = st.fixed_dictionaries(
    {"jsonrpc": st.sampled_from(["2.0", "2.0", "1.0"]), "id": st.sampled_from([2, 2, 2, 1, True, "2"])},
    optional={
        "result": st.fixed_dictionaries(
            {"code": st.sampled_from([0, 1, -5, "0", True, None])},
            optional={
                "used": st.sampled_from([0, 0, 3, -1, True, "1"]),
                "edits": ANY_EDITS | st.sampled_from(WRONG_EDITS),
                "worn": st.sampled_from(["", "threads", "nothing", 1]),
                "exited": st.sampled_from([True, True, False, 1]),
                "other": st.just(1),
            },
        ),
        "method": st.sampled_from(["PV.GetS", "edits", "Core.Log", "PV.SetI", None]),
        "params": st.sampled_from([["$ru"], ["$ru", 1], [0, "a"], [3, "text"], []]),
    },
)


def test_a_name_that_no_encoding_can_hold_is_a_violation_like_any_other() -> None:
    """The text of the violation was made with str.encode, which refuses a lone surrogate with an error of its own."""
    for line in (
        b'{"jsonrpc":"2.0","id":1,"method":"\\ud800","params":[]}\n',
        b'{"jsonrpc":"2.0","method":"\\ud800","params":[]}\n',
        b'{"jsonrpc":"2.0","method":"","params":"\\ud800"}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"PV.GetS","params":["\\ud800",1]}\n',
        b'{"jsonrpc":"2.0","id":2,"result":{"code":"\\ud800"}}\n',
    ):
        with pytest.raises(ProtocolViolation, match="expected"):
            session_in(State.RUNNING).receive(line)


def test_nesting_of_any_depth_is_a_violation_like_any_other() -> None:
    for depth in [*range(800, 1100), 100_000]:
        deep = b"[" * depth + b"]" * depth
        for line in (
            b'{"jsonrpc":"2.0","id":2,"result":{"code":%s}}\n' % deep,
            b'{"jsonrpc":"2.0","id":2,"method":"PV.GetS","params":%s}\n' % deep,
            b'{"jsonrpc":"2.0","method":"Core.Log","params":%s}\n' % deep,
            b'{"jsonrpc":"2.0","id":%s}\n' % deep,
        ):
            with pytest.raises(ProtocolViolation):
                session_in(State.RUNNING).receive(line)


def test_nothing_after_exiting_is_believed_not_even_that_it_is_a_message() -> None:
    """Bytes after the line of ``exiting`` broke the conversation, and the exit code was lost with it."""
    session = session_in(State.RUNNING)

    assert session.receive(EXITING % 2 + b"Segmentation fault\n" + LOG) == [Exiting(3, ends_request=True)]

    assert session.state is State.CLOSED
    assert session.receive(b"x" * (2 * LIMIT)) == []


@pytest.mark.parametrize(
    ("state", "exec_id", "ends_request"),
    [
        (State.STARTING, 0, False),
        (State.IDLE, 1, False),
        (State.LOADING, 1, True),
        (State.LOADING, 0, False),
        (State.RUNNING, 2, True),
        (State.ASKED, 2, True),
        (State.RUNNING, 0, False),
        (State.RUNNING, 1, False),
    ],
)
def test_only_the_load_or_exec_under_way_ends_with_exiting(state: State, exec_id: int, *, ends_request: bool) -> None:
    assert session_in(state).receive(EXITING % exec_id) == [Exiting(3, ends_request)]


@pytest.mark.parametrize("at", [["/x/X.cs", 7], None])
def test_a_call_may_say_where_it_is_made(at: list[Any] | None) -> None:
    session = session_in(State.RUNNING)
    place = None if at is None else ("/x/X.cs", 7)

    (logged,) = session.receive(line_of({"method": "Core.Log", "params": [1, "x"], "at": at}))
    (asked,) = session.receive(line_of({"id": 1, "method": "PV.GetS", "params": ["$ru"], "at": at}))

    assert logged == Notice("Core.Log", (1, "x"), place)
    assert asked == Question("PV.GetS", ("$ru",), place)


@pytest.mark.parametrize("at", ["X.cs:7", ["X.cs"], [7, "X.cs"], ["X.cs", True], ["x" * 4097, 1], ["X.cs", 7, 8], {}])
def test_a_place_of_another_form_is_a_violation(at: object) -> None:
    with pytest.raises(ProtocolViolation, match="expected a file and a line"):
        session_in(State.RUNNING).receive(line_of({"id": 1, "method": "PV.GetS", "params": ["$ru"], "at": at}))


def line_of(message: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0"} | message).encode() + b"\n"
