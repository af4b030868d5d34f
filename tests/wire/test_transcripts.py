"""Recorded conversations, held against both ends of the wire: the Python session and the real bridge.

A transcript has one JSON object a line: ``from`` who it comes, its ``line`` as JSON, the ``events`` that a session
makes of it, or what a session is asked to ``say`` and ``with`` what; ``end`` is the end of the stream. In texts
``<scripts>`` is the directory of the scripts, ``<copy of X>`` the hash of a file there, ``<...>`` any text, and
``<pid>`` and ``<runtime>`` what the worker says of itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.build import compile_script, ensure_bridge, publish
from runner.calls import CALLS
from runner.wire import messages
from runner.wire.channel import Channel
from runner.wire.events import Done, Event, Loaded, Notice, Question
from runner.wire.session import Session, State
from runner.worker.confine import MONO_ENVIRONMENT
from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Generator

HERE = Path(__file__).parent / "transcripts"
MANUAL = ROOT / "examples" / "MySRTest.cs"
TRANSCRIPTS = sorted(HERE.glob("*.jsonl"))
MONO = shutil.which("mono") or "mono"
LIMIT = 1024 * 1024
PATIENCE_S = 60.0

each_transcript = pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)


class Bridge:
    """A real worker process at the other end of two pipes."""

    def __init__(self, stderr: Path, copies: Path, limit: int = LIMIT) -> None:
        their_reads, our_writes = os.pipe()
        our_reads, their_writes = os.pipe()
        self._stderr = stderr
        with os.fdopen(their_reads, "rb") as stdin, os.fdopen(their_writes, "wb") as stdout, stderr.open("wb") as log:
            self.process = subprocess.Popen(
                [MONO, "--debug", str(ensure_bridge().bridge_exe), str(limit), "retire", str(copies)],
                stdin=stdin,
                stdout=stdout,
                stderr=log,
                cwd=stderr.parent,
                env=os.environ | MONO_ENVIRONMENT,
                start_new_session=True,
            )
        self._channel = Channel(our_reads, our_writes)
        self._rest = b""
        self._messages: list[dict[str, Any]] = []

    def say(self, line: bytes) -> None:
        self._channel.send(line, time.monotonic() + PATIENCE_S)

    def hear(self) -> bytes:
        """What came; empty at the end of the stream."""
        return self._channel.receive(time.monotonic() + PATIENCE_S)

    def message(self) -> dict[str, Any]:
        """The next message, alone or out of a batch: how long notices wait for company is a matter of time."""
        while not self._messages:
            line, end, self._rest = self._rest.partition(b"\n")
            if not end:
                more = self.hear()
                assert more, f"the bridge ended: {self._stderr.read_text(encoding='utf-8', errors='replace')}"
                self._rest = line + more
                continue
            assert all(0x20 <= byte <= 0x7E for byte in line)
            self._messages = messages.parse(line)
        return self._messages.pop(0)

    def close(self) -> None:
        """Hangs up, which ends the process."""
        self._channel.close()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with every script of the transcripts, compiled, and a file that is no assembly."""
    sources = tmp_path_factory.mktemp("sources")
    output = tmp_path_factory.mktemp("scripts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for path in [HERE / "H.cs", MANUAL, *sorted(HERE.glob("*.cs"))]:
            copy = shutil.copy(path, sources)
            publish(compile_script(Path(copy)), sources)
    for assembly in sources.glob("*.exe"):
        publish(assembly, output)
    (output / "NoAssembly.exe").write_text("This is no assembly.\n", encoding="ascii")
    return output


@pytest.fixture(scope="module")
def copies(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a copy of each of them, named by its content as the bridge wants it."""
    directory = tmp_path_factory.mktemp("copies")
    for file in scripts.iterdir():
        shutil.copy(file, directory / hash_of(file))
    return directory


def hash_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def places_of(scripts: Path, bridge: Bridge) -> dict[str, Any]:
    """What the placeholders stand for in a transcript that is spoken with a real bridge."""
    copies = {f"<copy of {file.name}>": hash_of(file) for file in scripts.iterdir()}
    return {"<pid>": bridge.process.pid, "<scripts>": str(scripts), "<copy of Missing.exe>": "0" * 64} | copies


@pytest.fixture
def bridge(tmp_path: Path, copies: Path) -> Generator[Bridge]:
    started = Bridge(tmp_path / "stderr", copies)
    with contextlib.closing(started):
        yield started


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def filled(value: Any, places: dict[str, Any]) -> Any:
    """The value with the placeholders in its texts replaced."""
    match value:
        case dict():
            return {filled(key, places): filled(item, places) for key, item in value.items()}
        case list():
            return [filled(item, places) for item in value]
        case str() if value in places:
            return places[value]
        case str():
            for name, text in places.items():
                value = value.replace(name, str(text))
    return value


def assert_matches(expected: Any, got: Any) -> None:
    """Equality, but for the placeholders that nobody can know before."""
    match expected:
        case dict():
            assert isinstance(got, dict)
            assert got.keys() == expected.keys()
            for key, item in expected.items():
                assert_matches(item, got[key])
        case list():
            assert isinstance(got, list)
            assert len(got) == len(expected)
            for item, other in zip(expected, got, strict=True):
                assert_matches(item, other)
        case str() if "<" in expected:
            pattern = ".*".join(re.escape(part) for part in re.split(r"<\.\.\.>|<runtime>", expected))
            assert isinstance(got, str)
            assert re.fullmatch(pattern, got, re.DOTALL), f"expected {expected}, got {got}"
        case _:
            assert got == expected


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


def spoken(arguments: dict[str, Any]) -> dict[str, Any]:
    """A session's arguments; what travels ahead is text and types, which JSON has not."""
    if (ahead := arguments.get("ahead")) is None:
        return arguments
    told = messages.plan(ahead["plan"]) if ahead["plan"] else ""
    values = ",".join(messages.value(value) for value in ahead["values"])
    takes = tuple(CALLS[call].parameters[-1] for call in arguments["takes"])
    return arguments | {
        "ahead": told + messages.AHEAD % (values, ahead["certain"]),
        "certain": ahead["certain"],
        "takes": takes,
    }


@each_transcript
def test_a_session_says_and_understands_the_transcript(path: Path) -> None:
    session = Session(LIMIT)
    places = {"<pid>": 4312, "<runtime>": "6.8.0.105", "<scripts>": "/etc/kamailio/mono", "<...>": "\n  at X "}

    for row in filled(rows(path), places):
        match row:
            case {"from": "runner", "say": say, "with": arguments, "line": line}:
                assert json.loads(getattr(session, say)(**spoken(arguments))) == line
            case {"from": "bridge", "line": line, "events": expected}:
                events = session.receive(json.dumps(line).encode() + b"\n")
                assert [as_json(event) for event in events] == expected
            case {"from": "bridge", "end": True}:
                session.end()
            case _:
                pytest.fail(f"expected a row of a transcript, got {row}")

    assert session.state in {State.IDLE, State.CLOSED}


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["short", "long"])
@each_transcript
def test_the_real_bridge_speaks_the_transcript(
    path: Path, scripts: Path, bridge: Bridge, separators: tuple[str, str]
) -> None:
    """A line in the form of the common turn goes the short way through the bridge, any other is parsed."""
    places = places_of(scripts, bridge)

    for row in filled(rows(path), places):
        match row:
            case {"from": "runner", "line": line}:
                bridge.say(json.dumps(line, separators=separators).encode() + b"\n")
            case {"from": "bridge", "line": line}:
                for message in line if isinstance(line, list) else [line]:
                    assert_matches(message, bridge.message())
            case {"from": "bridge", "end": True}:
                assert bridge.hear() == b""


def test_the_real_bridge_understands_lines_that_come_byte_by_byte(scripts: Path, bridge: Bridge) -> None:
    places = places_of(scripts, bridge)

    for row in filled(rows(HERE / "manual.jsonl"), places):
        if row["from"] == "runner":
            for byte in json.dumps(row["line"]).encode() + b"\n":
                bridge.say(bytes([byte]))
        else:
            for message in row["line"] if isinstance(row["line"], list) else [row["line"]]:
                assert_matches(message, bridge.message())


def test_no_line_of_the_bridge_is_too_long_and_no_notice_is_lost(scripts: Path, copies: Path, tmp_path: Path) -> None:
    limit = 4096  # the least that may be set
    session = Session(limit)  # refuses a longer line
    logged: list[tuple[int, int]] = []
    asked: list[int] = []

    with contextlib.closing(Bridge(tmp_path / "stderr", copies, limit)) as bridge:
        loop = Loop(bridge, scripts, "FillsLines", session)
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
def test_a_bridge_that_is_spoken_to_in_another_language_ends(bridge: Bridge, line: bytes) -> None:
    assert bridge.message()["method"] == "ready"

    with contextlib.suppress(ConnectionError):
        bridge.say(line + b"\n")

    assert bridge.hear() == b""


class Loop:
    """One worker with a script loaded, RoundTrip for one; every ``run`` of that is one exec."""

    def __init__(self, bridge: Bridge, scripts: Path, name: str, session: Session) -> None:
        self._bridge = bridge
        self._session = session
        self._events: list[Event] = []
        self.next()
        path = str(scripts / f"{name}.exe")
        params: dict[str, Any] = {
            "path": path,
            "generation": name,
            "file": hash_of(Path(path)),
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
def loop(tmp_path_factory: pytest.TempPathFactory, scripts: Path, copies: Path) -> Generator[Loop]:
    started = Bridge(tmp_path_factory.mktemp("loop") / "stderr", copies)
    with contextlib.closing(started):
        yield Loop(started, scripts, "RoundTrip", Session(LIMIT))


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
