"""A worker that sends too much: its caller still answers at the deadline, and its memory and log are not flooded."""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ExecTimeout, ProtocolViolation
from runner.hosts.embedded.host import MessageHost
from runner.scripts import script
from runner.scripts.foresight import Plan
from runner.scripts.generation import Generation, Part
from runner.wire import messages
from runner.wire.channel import Channel
from runner.wire.events import CAN
from runner.wire.session import Session, State
from runner.worker import outcome as bounds
from runner.worker.conversation import Conversation
from runner.worker.holdings import MAX_LOADED, Holdings
from runner.worker.outcome import (
    LINES_OF_AN_EXEC,
    LOOK_EVERY,
    MAX_EDITS,
    MAX_KEPT_QUESTIONS,
    MAX_TEXT_CHARACTERS,
    MAX_TEXTS,
    ExecOutcome,
)
from tests.places import INVITE, ROOT
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Played = Callable[..., tuple[Any, MessageHost]]


LINE = 8 * 1024 * 1024
EXEC_ID = 1
PLAN = Plan(
    edits=(("PV.SetS", "$var(a)"),),
    as_json={"reads": [], "edits": [["PV.SetS", "$var(a)", 0, "any"]]},
    takes=(str,),
    methods=(("set_s", "$var(a)"),),
    always=1,
)


def line(*messages: dict[str, Any]) -> bytes:
    batch = [{"jsonrpc": "2.0", **message} for message in messages]
    return json.dumps(batch[0] if len(batch) == 1 else batch, separators=(",", ":")).encode() + b"\n"


def text(content: str) -> dict[str, Any]:
    return {"method": "Core.Log", "params": [1, content]}


def edits(count: int) -> list[list[Any]]:
    return [[0, f"v{number}"] for number in range(count)]


def result(**more: Any) -> dict[str, Any]:
    return {"id": EXEC_ID, "result": {"code": 0, "used": 0, "edits": [], **more}}


def generation(number: int = 0) -> Generation:
    made = Generation(f"{number:032x}", f"/x/{number}.exe", Part(f"/x/{number}.exe", ""), None, None, {})
    made.foresight.plan = PLAN
    return made


class Hostile:
    """The other end of a wire. It answers each line with what ``answers`` gives, whether or not anybody reads it."""

    def __init__(self, answers: Iterable[bytes], *, longest: int = LINE) -> None:
        self._reads, writes = os.pipe()
        reads, self._writes = os.pipe()
        session, holdings = Session(longest, State.IDLE), Holdings(can=CAN)
        self.conversation = Conversation(Channel(reads, writes), session, os.getpid(), follows=0, holdings=holdings)
        self._answers = answers
        self._thread = threading.Thread(target=self._speak, daemon=True)

    def __enter__(self) -> Conversation:
        self._thread.start()
        return self.conversation

    def __exit__(self, *_: object) -> None:
        self.conversation.end()
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()

    def _speak(self) -> None:
        with contextlib.suppress(BrokenPipeError), os.fdopen(self._reads, "rb") as lines:
            for _, answer in zip(lines, self._answers, strict=False):
                rest = memoryview(answer)
                while rest:
                    rest = rest[os.write(self._writes, rest) :]
            lines.read()
        os.close(self._writes)


@pytest.fixture
def leap(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets ``WAIT_S`` pass at once."""
    now, leaps = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now() + sum(leaps))
    return lambda: leaps.append(WAIT_S)


class Slow:
    """A host that counts its calls, each of which lasts as long as ``leap`` makes it."""

    def __init__(self, leap: Callable[[], None]) -> None:
        self.calls = 0
        self._leap = leap

    def log(self, _level: int, content: str) -> None:
        if not content.endswith("were dropped\n"):
            self._call()

    def set_s(self, _name: str, _value: str) -> int:
        self._call()
        return 0

    def _call(self) -> None:
        self.calls += 1
        self._leap()

    def depends_on(self, _call: str, _name: str) -> None:
        return None


def run(
    conversation: Conversation, host: Any, outcome: ExecOutcome | None = None, seconds: float = WAIT_S
) -> ExecOutcome:
    return conversation.exec(generation(), None, host, time.monotonic() + seconds, outcome=outcome)


@pytest.mark.parametrize(
    "answer",
    [
        line(*[text("x")] * 130_000, result()),
        line(result(edits=edits(600_000))),
        b'{"jsonrpc":"2.0","method":"Core.Log","params":[' + b"[]," * 2_700_000 + b"[]]}\n",
        b'{"jsonrpc":"2.0","method":"Core.Log","params":[' + b"1," * 4_000_000 + b"1]}\n",
        b'{"jsonrpc":"2.0","method":"Core.Log","params":[' + b'"",' * 2_700_000 + b'""]}\n',
        b'{"jsonrpc":"2.0","method":"Core.Log","params":[' + b'"\\\\","\\"",' * 700_000 + b'""]}\n',
        b'{"jsonrpc":"2.0","result":{' + b",".join(b'"%x":0' % n for n in range(700_000)) + b"}}\n",
    ],
    ids=["log texts", "edits", "lists", "numbers", "empty texts", "escapes", "members"],
)
def test_a_line_of_a_hundred_thousand_parts_is_refused_before_it_is_parsed(answer: bytes) -> None:
    """One answer of 7.9 MB with 130,000 texts used to block its caller for 2.3 s with a limit of 0.4 s."""
    assert len(answer) <= LINE
    host = MessageHost(INVITE)

    with Hostile([answer]) as conversation, pytest.raises(ProtocolViolation, match="bytes outside of texts"):
        run(conversation, host)

    assert host.logs == []


@pytest.mark.parametrize("content", ["x" * 7_000_000, "," * 7_000_000, '["{\\' * 900_000, "\u20ac" * 1_300_000])
def test_a_long_text_does_not_count_as_structure_whatever_it_contains(content: str) -> None:
    question = {"id": 1, "method": "PV.SetS", "params": ["$var(a)", content]}
    host = MessageHost(INVITE)

    with Hostile([line(question), line(result())]) as conversation:
        outcome = run(conversation, host)

    assert outcome.code == 0
    assert host.get_s("$var(a)") == content


@pytest.mark.parametrize(
    "answer",
    [
        line(*[text("x")] * 900, result()),
        line(result(edits=edits(3000))),
        line({"method": "edits", "params": edits(3000)}, result()),
        b"".join(line({"method": "edits", "params": edits(12)}) for _ in range(200)) + line(result()),
    ],
    ids=["log texts", "edits of a result", "edits of a notice", "edits of many notices"],
)
def test_the_deadline_is_checked_while_one_answer_is_handled(answer: bytes, leap: Callable[[], None]) -> None:
    host, outcome, deadline = Slow(leap), ExecOutcome(), time.monotonic() + WAIT_S

    with Hostile([answer]) as conversation, pytest.raises(ExecTimeout, match="it was not done in time"):
        conversation.exec(generation(), None, host, deadline, outcome=outcome)  # type: ignore[arg-type]

    assert 0 < host.calls <= 2 * LOOK_EVERY
    assert outcome.logs + outcome.certain == host.calls, "what stands is told"


def test_texts_beyond_the_bounds_are_counted_and_the_exec_goes_on() -> None:
    flood = b"".join(line(*[text("x")] * 100) for _ in range(50)) + line(result())
    host = MessageHost(INVITE)

    with Hostile([flood]) as conversation:
        outcome = run(conversation, host)

    assert outcome.code == 0
    assert (outcome.logs, outcome.dropped) == (MAX_TEXTS, 5000 - MAX_TEXTS)
    assert len(host.logs) == MAX_TEXTS + 1
    assert host.logs[-1] == (0, f"{5000 - MAX_TEXTS} more texts were dropped\n")


def test_long_texts_count_by_their_characters() -> None:
    flood = b"".join(line(text("x" * 200_000)) for _ in range(40)) + line(text("short"), result())
    host = MessageHost(INVITE)

    with Hostile([flood]) as conversation:
        outcome = run(conversation, host)

    assert outcome.code == 0
    assert sum(len(logged) for _, logged in host.logs[:-1]) <= MAX_TEXT_CHARACTERS
    assert host.logs[-1] == (0, "36 more texts were dropped\n")


@pytest.mark.parametrize("is_certain", [True, False])
def test_an_exec_with_too_many_edits_ends(*, is_certain: bool) -> None:
    question = {"method": "PV.SetS", "params": ["$var(a)", "v"]}
    asked = (line({"id": number, **question}) for number in range(1, MAX_EDITS + 2))
    told = [b"".join(line({"method": "edits", "params": edits(MAX_EDITS // 4)}) for _ in range(5))]
    host, outcome = MessageHost(INVITE), ExecOutcome()

    with (
        Hostile(told if is_certain else asked) as conversation,
        pytest.raises(ProtocolViolation, match=f"more than {MAX_EDITS} edits in one exec"),
    ):
        run(conversation, host, outcome)

    assert outcome.edits == MAX_EDITS, "those before stand"


def test_only_the_last_of_endless_calls_are_remembered() -> None:
    count = 3 * MAX_KEPT_QUESTIONS
    asked = [line({"id": n, "method": "PV.GetS", "params": [f"$var({n})"]}) for n in range(count)] + [line(result())]

    with Hostile(asked) as conversation:
        outcome = run(conversation, MessageHost(INVITE))

    assert outcome.calls == count
    assert MAX_KEPT_QUESTIONS // 2 <= len(outcome.asked or ()) <= MAX_KEPT_QUESTIONS
    assert (outcome.asked or [])[-1] == ("PV.GetS", (f"$var({count - 1})",))


def test_an_exec_sends_at_most_the_bytes_of_a_few_longest_lines() -> None:
    longest = 64 * 1024
    question = {"method": "PV.IsNull", "params": ["$" + "x" * (longest - 200)]}
    asked = (line({"id": number, **question}) for number in range(100))
    outcome = ExecOutcome()

    with (
        Hostile(asked, longest=longest) as conversation,
        pytest.raises(ProtocolViolation, match=f"at most {LINES_OF_AN_EXEC * longest} bytes in one exec"),
    ):
        run(conversation, MessageHost(INVITE), outcome)

    assert LINES_OF_AN_EXEC - 1 <= outcome.calls <= LINES_OF_AN_EXEC + 1


def test_the_bytes_of_one_exec_do_not_count_for_the_next() -> None:
    answers = [
        line(
            text("x" * 50_000),
            result(),
        ).replace(b'"id":1', b'"id":%d' % number)
        for number in range(1, 21)
    ]

    with Hostile(answers, longest=64 * 1024) as conversation:
        assert [run(conversation, MessageHost(INVITE)).code for _ in answers] == [0] * 20


def test_the_bounds_are_those_of_the_protocol_document() -> None:
    rows = re.findall(r"\(`([A-Z_]+)`\) \| (\d+)", (ROOT / "docs" / "protocol.md").read_text("utf-8"))
    known = vars(bounds) | vars(messages) | vars(script)

    assert len(rows) == 8
    assert [(name, int(number)) for name, number in rows] == [(name, known[name]) for name, _ in rows]


def test_the_bridge_drops_texts_before_its_caller_has_to() -> None:
    source = (ROOT / "bridge" / "Outbox.cs").read_text("utf-8")
    told = len("9223372036854775807 more texts were dropped\n")

    assert f"MaxTexts = {MAX_TEXTS - 1};" in source
    assert "MaxTextCharacters = 1024 * 1024 - 100;" in source
    assert 1024 * 1024 - 100 + told <= MAX_TEXT_CHARACTERS


def test_the_number_of_loaded_scripts_known_of_a_worker_is_limited() -> None:
    count = MAX_LOADED + 10
    loads = (line({"id": number, "result": {"needs": []}}) for number in range(1, count + 1))

    with Hostile(loads) as conversation:
        for number in range(count):
            conversation.load(generation(number), time.monotonic() + WAIT_S)

        assert len(conversation.holdings.loaded) == MAX_LOADED
        assert "/x/0.exe" not in conversation.holdings.loaded
        assert conversation.holdings.loads == count
