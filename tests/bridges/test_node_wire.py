"""bridge/node on the wire: the transcripts, any text there and back, and lines of every length."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from runner.build import compile_script, ensure_bridge
from runner.hosts.embedded.host import MessageHost
from runner.wire.channel import Channel
from runner.wire.events import Done, Event, Loaded, Notice, Question
from runner.wire.session import Session
from runner.worker.confine import MONO_ENVIRONMENT
from tests.bridges.node import COMMAND, Node, body
from tests.bridges.started import LAUNCHER, Started, soon
from tests.places import INVITE, ROOT
from tests.wire.test_transcripts import (
    BYTES_AS_TEXT,
    LIMIT,
    TRANSCRIPTS,
    Bridge,
    assert_matches,
    filled,
    hash_of,
    places_of,
    rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.scripts.generation import Generation

SCRIPTS = Path(__file__).parent.parent / "wire" / "transcripts" / "node"
LEAST_LINE_BYTES = 4096  # that may be set
OWN_WORDS = {"type": "<...>", "message": "<...>", "stack": "<...>"}


class NodeBridge(Bridge):
    """bridge/node in the place of mono's."""

    def __init__(self, directory: Path, limit: int = LIMIT) -> None:
        self._stderr, copies = directory / "stderr", directory / "copies"
        self.scripts = Path(shutil.copytree(SCRIPTS, directory / "scripts"))
        (self.scripts / "NoAssembly.js").write_text("This is no script.\n", encoding="ascii")
        copies.mkdir()
        for file in self.scripts.iterdir():
            shutil.copy(file, copies / hash_of(file))
        their_reads, our_writes = os.pipe()
        our_reads, their_writes = os.pipe()
        with (
            os.fdopen(their_reads, "rb") as stdin,
            os.fdopen(their_writes, "wb") as stdout,
            self._stderr.open("wb") as log,
        ):
            self.process = subprocess.Popen(
                [*LAUNCHER, *COMMAND, str(limit), "retire", str(copies), str(directory)],
                stdin=stdin,
                stdout=stdout,
                stderr=log,
                cwd=directory,
                start_new_session=True,
            )
        self._channel = Channel(our_reads, our_writes)
        self._rest = b""
        self._messages: list[dict[str, Any]] = []


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[NodeBridge]:
    with contextlib.closing(NodeBridge(tmp_path)) as started:
        yield started


def in_node(value: Any) -> Any:
    """A row of a transcript with the names of JavaScript. What an exception says is the language's own."""
    match value:
        case {"error": {"code": code, "data": _}}:
            return value | {"error": {"code": code, "message": "<...>", "data": OWN_WORDS}}
        case {"protocol": _, "can": can}:
            return value | {"can": [*can[:3], "helpers", *can[3:]]}
        case dict():
            named = {in_node(name): in_node(each) for name, each in value.items()}
            return named | ({"symbols": None} if "symbols" in value else {})
        case list():
            return [in_node(each) for each in value]
        case "H":
            return "H.js"
        case str():
            return value.replace(".exe", ".js")
    return value


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["short", "long"])
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_node_speaks_the_transcript(path: Path, bridge: NodeBridge, separators: tuple[str, str]) -> None:
    places = places_of(bridge.scripts, bridge) | {"<copy of Missing.js>": "0" * 64}

    for row in filled(in_node(rows(path)), places):
        match row:
            case {"from": "runner", "line": line}:
                bridge.say(json.dumps(line, separators=separators).encode() + b"\n")
            case {"from": "bridge", "line": line}:
                for message in line if isinstance(line, list) else [line]:
                    assert_matches(message, bridge.message())
            case {"from": "bridge", "end": True}:
                assert bridge.hear() == b""


def test_the_manuals_sample_of_the_transcripts_is_the_example() -> None:
    assert (SCRIPTS / "MySRTest.js").read_bytes() == (ROOT / "examples" / "MySRTest.js").read_bytes()


def test_node_understands_lines_that_come_byte_by_byte(bridge: NodeBridge) -> None:
    places = places_of(bridge.scripts, bridge)

    for row in filled(in_node(rows(TRANSCRIPTS[0])), places):
        if row["from"] == "runner":
            for byte in json.dumps(row["line"]).encode() + b"\n":
                bridge.say(bytes([byte]))
        else:
            for message in row["line"] if isinstance(row["line"], list) else [row["line"]]:
                assert_matches(message, bridge.message())


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
        b"[" * 1000,
        b'"' + b"x" * (LIMIT + 70_000),
    ],
    ids=range(12),
)
def test_a_worker_that_is_spoken_to_in_another_language_ends(bridge: NodeBridge, line: bytes) -> None:
    assert bridge.message()["method"] == "ready"

    with contextlib.suppress(ConnectionError):
        bridge.say(line + b"\n")

    assert bridge.hear() == b""


class Variables(MessageHost):
    """Gives and keeps the texts of variables as they are."""

    def __init__(self, given: str = "") -> None:
        super().__init__(INVITE)
        self.given, self.kept = given, dict[str, str]()

    def depends_on(self, call: str, name: str) -> str | None:  # noqa: ARG002
        return None

    def get_s(self, name: str) -> str | None:  # noqa: ARG002
        return self.given

    def set_s(self, name: str, value: str) -> int:
        self.kept[name] = value
        return 0


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, Generation]]:
    with Node(tmp_path_factory.mktemp("loop")) as node:
        yield node, node.loaded(SCRIPTS / "RoundTrip.js")


def there_and_back(loop: tuple[Node, Generation], text: str) -> dict[str, str]:
    node, generation = loop
    host = Variables(text)
    assert node.run(generation, text, host).code == 0
    return host.kept


@given(BYTES_AS_TEXT)
@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_comes_back_as_it_was(loop: tuple[Node, Generation], text: str) -> None:
    assert there_and_back(loop, text) == {"$var(param)": text, "$var(out)": text}


@pytest.mark.parametrize("length", [32_600, 32_768, 65_534, 65_535, 65_536, 65_537, 300_000])
def test_a_text_longer_than_the_buffers_comes_back_as_it_was(loop: tuple[Node, Generation], length: int) -> None:
    text = "x" * length

    assert there_and_back(loop, text) == {"$var(param)": text, "$var(out)": text}


def test_no_line_is_too_long_and_no_notice_is_lost(tmp_path: Path) -> None:
    session = Session(LEAST_LINE_BYTES)  # refuses a longer line
    logged: list[tuple[int, int]] = []
    asked: list[int] = []

    with contextlib.closing(NodeBridge(tmp_path, LEAST_LINE_BYTES)) as bridge:
        events: list[Event] = []

        def following() -> Event:
            while not events:
                data = bridge.hear()
                assert data, "the bridge ended"
                events.extend(session.receive(data))
            return events.pop(0)

        following()
        script = bridge.scripts / "FillsLines.js"
        bridge.say(session.load({"path": str(script), "generation": "g", "file": hash_of(script), "helpers": {}}))
        assert following() == Loaded(())
        bridge.say(session.exec("g", None))
        while not isinstance(event := following(), Done):
            match event:
                case Notice("Core.Log", (level, text)):
                    logged.append((level, len(text)))
                case Question("PV.SetS", (_, text)):
                    asked.append(len(text))
                    bridge.say(session.answer(0))

    assert logged == [(length, min(length, LEAST_LINE_BYTES // 8)) for length in range(700)]
    assert asked == list(range(0, 7 * len(asked), 7))
    assert LEAST_LINE_BYTES - 6 * 7 - 100 < 6 * asked[-1] < LEAST_LINE_BYTES
    assert event == Done(100 - len(asked))


BUSY = """
PV.setS("$var(a)", "x");
Core.log(1, "before");
const until = Date.now() + 60;
while (Date.now() < until) {}
return PV.getS("$rm") === "INVITE" && PV.getS("$rU") === "bob" ? 0 : 1;
"""


def test_what_a_script_says_before_it_computes_arrives_meanwhile(tmp_path: Path) -> None:
    """The watch sends it, also a certain edit; and it hears the answer that comes to a busy script."""
    with Node(tmp_path) as node:
        generation = node.loaded(body(tmp_path, BUSY))
        for _ in range(5):
            host = MessageHost(INVITE)
            assert node.run(generation, host=host).code == 0
            assert host.logs == [(1, "before")]
            assert host.get_s("$var(a)") == "x"


def test_an_exec_with_three_calls_costs_about_what_it_costs_in_mono(tmp_path: Path) -> None:
    """Asserts nothing of the time, which is the machine's, too: run with -s to see it."""
    mono = ("sh", "-c", 'exec "$@" <&3 >&4 3<&- 4>&-', "sh", "mono", "--debug", str(ensure_bridge().bridge_exe))
    spent: dict[str, list[float]] = {"mono": [], "node": []}
    (tmp_path / "mono").mkdir()
    (tmp_path / "node").mkdir()
    with Started(mono, tmp_path / "mono", environment=MONO_ENVIRONMENT) as one, Node(tmp_path / "node") as other:
        workers = {
            "mono": (one, one.loaded(compile_script(ROOT / "examples" / "MySRTest.cs"))),
            "node": (other, other.loaded(ROOT / "examples" / "MySRTest.js")),
        }
        for _ in range(10):
            for name, (worker, generation) in workers.items():
                began = time.perf_counter()
                for _ in range(100):
                    assert worker.conversation.exec(generation, "x", Variables(), soon()).code == 1
                spent[name].append((time.perf_counter() - began) * 10_000)

    mono_us, node_us = (statistics.median(spent[name]) for name in ("mono", "node"))
    print(f"mono {mono_us:.0f} us, node {node_us:.0f} us an exec: {node_us / mono_us:.2f} times")  # noqa: T201 - to be read
