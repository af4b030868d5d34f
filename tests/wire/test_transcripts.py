"""Recorded conversations, held against both ends of the wire: the Python session and the real bridges."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.calls import CALLS
from runner.runtimes import transcripts
from runner.runtimes.check import SEPARATORS, play
from runner.runtimes.transcripts import Transcript, filled, matches
from runner.wire import messages
from runner.wire.events import Done, Event, Loaded, Notice, Question
from runner.wire.session import Session, State
from tests.wire.speakers import LIMIT, NAMES, Speaker, speaker

if TYPE_CHECKING:
    from collections.abc import Generator

    from runner.runtimes.check import Talk

each_transcript = pytest.mark.parametrize("transcript", transcripts.every(), ids=lambda each: each.name)


@pytest.fixture(scope="module", params=NAMES)
def spoken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Speaker:
    return speaker(request.param, tmp_path_factory.mktemp("spoken"), tmp_path_factory.mktemp("cache"))


@pytest.fixture
def bridge(spoken: Speaker) -> Generator[Talk]:
    with spoken.start() as started:
        yield started


def places_of(spoken: Speaker, bridge: Talk) -> dict[str, Any]:
    """What the placeholders stand for in a transcript that is spoken with a real bridge."""
    return spoken.language.all_places(bridge.process.pid, spoken.language.places["<needs>"])


def as_json(event: Event) -> dict[str, Any]:
    """By its class; a field that has its default value is left out."""
    if isinstance(event, tuple):
        fields, defaults = event._asdict(), event._field_defaults
    else:
        fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
        defaults = {field.name: field.default for field in dataclasses.fields(event)}
    told = {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}
    value: dict[str, Any] = json.loads(json.dumps({type(event).__name__: told}))
    return value


def spoken_as(arguments: dict[str, Any]) -> dict[str, Any]:
    """A session's arguments; what travels ahead is text and types, which JSON has not."""
    if (ahead := arguments.get("ahead")) is None:
        return arguments
    if "trace" in ahead:
        return arguments | {"ahead": messages.TRACED}
    told = messages.plan(ahead["plan"]) if ahead["plan"] else ""
    values = ",".join(messages.value(value) for value in ahead["values"])
    takes = tuple(CALLS[call].parameters[-1] for call in arguments["takes"])
    return arguments | {
        "ahead": told + messages.AHEAD % (values, ahead["certain"]),
        "certain": ahead["certain"],
        "takes": takes,
    }


@each_transcript
def test_a_session_says_and_understands_the_transcript(transcript: Transcript) -> None:
    session = Session(LIMIT)
    known = transcripts.places("mono")
    places = {name: value for name, value in known.items() if name != "<suffix>"} | {
        "<pid>": 4312, "<runtime>": "6.8.0.105", "<scripts>": "/etc/kamailio/mono", "<...>": "\n  at X ",
        "<helpers>": {"H": {"path": "/etc/kamailio/mono/H.exe", "file": "03ab", "symbols": None}}, "<suffix>": ".exe",
    }  # fmt: skip

    for row in filled(list(transcript.rows), places):
        step = row.get("either", {}).get(known["<ends>"], {}) | row
        match step:
            case {"from": "runner", "say": say, "with": arguments, "line": line}:
                assert json.loads(getattr(session, say)(**spoken_as(arguments))) == line
            case {"from": "bridge", "line": line, "events": expected}:
                events = session.receive(json.dumps(line).encode() + b"\n")
                assert [as_json(event) for event in events] == expected
            case {"from": "bridge", "end": True}:
                session.end()
            case _:
                pytest.fail(f"expected a row of a transcript, got {row}")

    assert session.state in {State.IDLE, State.CLOSED}


@pytest.mark.parametrize("separators", SEPARATORS, ids=["short", "long"])
@each_transcript
def test_the_real_bridge_speaks_the_transcript(
    transcript: Transcript, spoken: Speaker, bridge: Talk, separators: tuple[str, str]
) -> None:
    """A line in the form of the common turn goes the short way through the bridge, any other is parsed."""
    play(transcript, bridge, places_of(spoken, bridge), separators)


def test_the_real_bridge_understands_lines_that_come_byte_by_byte(spoken: Speaker, bridge: Talk) -> None:
    (manual,) = [each for each in transcripts.every() if each.name == "manual"]

    for row in filled(list(manual.rows), places_of(spoken, bridge)):
        if row["from"] == "runner":
            for byte in json.dumps(row["line"]).encode() + b"\n":
                bridge.say(bytes([byte]))
        else:
            for message in row["line"] if isinstance(row["line"], list) else [row["line"]]:
                assert matches(message, bridge.message())


def test_no_line_of_the_bridge_is_too_long_and_no_notice_is_lost(spoken: Speaker) -> None:
    limit = 4096  # the least that may be set
    session = Session(limit)  # refuses a longer line
    logged: list[tuple[int, int]] = []
    asked: list[int] = []

    with spoken.start(limit) as bridge:
        loop = Loop(bridge, spoken, "FillsLines", session)
        bridge.say(session.exec("FillsLines", None))
        while not isinstance(event := loop.next(), Done):
            match event:
                case Notice("Core.Log", (level, text)):
                    logged.append((level, len(text)))
                case Question("PV.SetS", (_, text)):
                    asked.append(len(text))
                    bridge.say(session.answer(0))

    # A log text is cut at an eighth of the line. A call that does not fit, 6 bytes a letter, is refused in the bridge.
    assert logged == [(length, min(length, limit // 8)) for length in range(700)]
    assert asked == list(range(0, 7 * len(asked), 7))
    assert limit - 6 * 7 - 100 < 6 * asked[-1] < limit
    assert event == Done(100 - len(asked))


@pytest.mark.parametrize(
    "line",
    [
        b"x",
        b"[]",
        b"7",
        b"null",
        b"{}",
        b'{"jsonrpc":"2.0","id":"1","method":"exec","params":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"exec","params":[]}',
        b'{"jsonrpc":"2.0","id":1,"method":"exec","params":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"load","params":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"load","params":{"path":"\\ud8',
        b'{"a":"\\x"}',
        b"[" * 1000,
        b'"' + b"x" * (LIMIT + 70_000),
    ],
    ids=range(13),
)
def test_a_bridge_that_is_spoken_to_in_another_language_ends(bridge: Talk, line: bytes) -> None:
    ready = bridge.message()
    assert ready is not None
    assert ready["method"] == "ready"

    with contextlib.suppress(ConnectionError):
        bridge.say(line + b"\n")

    assert bridge.hear() == b""


class Loop:
    """One worker with a script loaded, RoundTrip for one; every ``run`` of that is one exec."""

    def __init__(self, bridge: Talk, spoken: Speaker, name: str, session: Session) -> None:
        self._bridge = bridge
        self._session = session
        self._events: list[Event] = []
        self.next()
        params: dict[str, Any] = {
            "path": str(spoken.language.file(name)),
            "generation": name,
            "file": places_of(spoken, bridge)[f"<copy of {name}>"],
            "symbols": None,
            "config": None,
            "helpers": {},
        }
        bridge.say(session.load(params))
        assert self.next() == Loaded(())

    def run(self, text: str) -> dict[str, str]:
        """The variables that the script set when its parameter and ``$var(in)`` are ``text``."""
        found: dict[str, str] = {}
        self._bridge.say(self._session.exec("RoundTrip", text))
        while True:
            match self.next():
                case Question("PV.SetS", (name, value)):
                    found[name] = value
                    self._bridge.say(self._session.answer(0))
                case Question("PV.GetS", ("$var(in)",)):
                    self._bridge.say(self._session.answer(text))
                case Done(0):
                    return found
                case event:
                    pytest.fail(f"expected a step of RoundTrip, got {event}")

    def next(self) -> Event:
        """The next event; waits for it."""
        while not self._events:
            data = self._bridge.hear()
            assert data, "the bridge ended"
            self._events = self._session.receive(data)
        return self._events.pop(0)


@pytest.fixture(scope="module")
def loop(spoken: Speaker) -> Generator[Loop]:
    with spoken.start() as started:
        yield Loop(started, spoken, "RoundTrip", Session(LIMIT))


BYTES_AS_TEXT = st.text(
    st.characters(codec="utf-8") | st.integers(0xDC80, 0xDCFF).map(chr) | st.sampled_from('\0\x7f"\\/\r\n\t\u2028')
)


@given(BYTES_AS_TEXT)
@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_from_the_real_bridge_as_it_was(loop: Loop, text: str) -> None:
    assert loop.run(text) == {"$var(param)": text, "$var(out)": text}


@given(st.binary())
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_of_a_message_come_back_from_the_real_bridge_as_they_were(loop: Loop, value: bytes) -> None:
    text = value.decode("utf-8", "surrogateescape")

    assert loop.run(text)["$var(out)"].encode("utf-8", "surrogateescape") == value


@pytest.mark.parametrize("length", [65_534, 65_535, 65_536, 65_537, 300_000])
def test_a_text_longer_than_the_buffers_comes_back_as_it_was(loop: Loop, length: int) -> None:
    text = "x" * length

    assert loop.run(text) == {"$var(param)": text, "$var(out)": text}
