"""What scripts in Java ask: functions of KEMI, the end of the routing, execs within each other, and the wire below."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ScriptError
from runner.hosts.embedded.host import MessageHost
from runner.wire.events import Done, Event, Notice, Question
from runner.wire.session import MAX_DEPTH, Session, State
from runner.worker.outcome import ExecOutcome, Profile
from tests.bridges.java_worker import NO_JAVAC, body, run, started
from tests.bridges.started import Started, soon
from tests.kemi import Kemi
from tests.places import INVITE, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.scripts.generation import Generation

pytestmark = pytest.mark.skipif(bool(NO_JAVAC), reason=NO_JAVAC)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    with started(tmp_path_factory.mktemp("worker")) as process:
        yield process


@pytest.mark.parametrize(
    ("call", "asked", "said"),
    [
        ('KSR.call("sl.send_reply", 404, "Gone")', ("sl.send_reply", 404, "Gone"), "1"),
        ('KSR.isTrue("sl.send_reply", 404, "Gone")', ("sl.send_reply", 404, "Gone"), "true"),
        ('KSR.call("x.y", true, -5)', ("x.y", True, -5), "null"),
        ('KSR.call("pv.get", "$rU")', ("pv.get", "$rU"), "bob"),
        ('KSR.sl.send_reply(404, "Gone")', ("sl.send_reply", 404, "Gone"), "1"),
        ("KSR.is_INVITE()", ("is_INVITE",), "true"),
        ('KSR.pv.get("$rU")', ("pv.get", "$rU"), "bob"),
        ('KSR.pv.get("$du").isNull()', ("pv.get", "$du"), "true"),
        ("KSR.enum_.enum_query()", ("enum.enum_query",), "0"),
    ],
)
def test_a_function_of_kemi_reaches_the_host(
    worker: Started, tmp_path: Path, call: str, asked: tuple[Any, ...], said: str
) -> None:
    host = Kemi()

    run(worker, body(tmp_path, "Asks", f'KSR.call("info", "" + {call}); return 0;'), host)

    assert (host.asked, host.logs) == ([asked], [(2, said)])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('KSR.call("gone")', "there is no such function: é"),
        ("KSR.tm.t_on_branch(null)", "KSR.tm.t_on_branch: expected a text, a number or a boolean as argument 1, got"),
        ('KSR.call("x", (Object) null)', "KSR.x: expected a text, a number or a boolean as argument 1, got null"),
        ('KSR.call("x", "\\ud800")', "KSR.x: its arguments are too many, too long, or no text that can be written"),
        ('KSR.call("x", 1, 2, 3, 4, 5, 6, 7)', "KSR.x: its arguments are too many, too long, or no text that can be w"),
    ],
)
def test_a_call_that_was_not_made_is_an_exception(worker: Started, tmp_path: Path, call: str, said: str) -> None:
    with pytest.raises(ScriptError) as caught:
        run(worker, body(tmp_path, "Refused1", f"{call}; return 0;"), Kemi())

    assert str(caught.value).startswith(f"SR.KsrException: {said}")
    assert "srbridge" not in caught.value.detail
    assert "at Refused1.main(Refused1.java:4)" in caught.value.detail


def test_what_may_be_a_number_a_text_or_nothing_is_asked_for_as_what_it_is(worker: Started, tmp_path: Path) -> None:
    class Values(Kemi):
        def ksr(self, function: str, arguments: list[str | int | bool]) -> str | int | bool | None:
            assert function == "pv.get"
            given: dict[str | int | bool, str | int | bool | None]
            given = {"$a": 200, "$b": "200", "$c": "", "$d": None, "$e": False}
            return given[arguments[0]]

    told = (
        'for (String name : new String[] {"$a", "$b", "$c", "$d", "$e"}) { XVal it = KSR.pv.get(name); String n;'
        'try { n = "" + it.number(); } catch (NumberFormatException e) { n = "none"; }'
        'Core.log(1, it.isNumber() + " " + it.isText() + " " + it.isNull() + " " + it.isTrue() + " " + n + " "'
        ' + it.text() + " " + it + " " + it.is(200) + " " + it.is("200") + " " + it.equals(KSR.pv.get("$b"))); }'
        'return KSR.pv.get("$a").hashCode() == KSR.pv.get("$a").hashCode() ? 0 : 1;'
    )
    host = Values()

    assert run(worker, body(tmp_path, "Shows", told), host).code == 0
    assert [text for _, text in host.logs] == [
        "true false false true 200 200 200 true false false",
        "false true false true 200 200 200 false true true",
        "false true false false none   false false false",
        "false false true false none null  false false false",
        "true false false false 0 0 0 false false false",
    ]


def test_a_value_that_came_ahead_and_an_edit_that_is_certain_ask_nothing(worker: Started, tmp_path: Path) -> None:
    """What is read again behind an edit of it is asked for."""
    by_ksr = (
        'String user = PV.get("$rU"); Object set = KSR.call("pv.sets", "$rU", "alice");'
        'Object added = KSR.call("hdr.append", "X-A: 1\\r\\n"); return (user + set + added).equals("bob11") ? 0 : 1;'
    )
    plain = 'String user = PV.get("$rU"); int set = PV.setS("$rU", "alice"); return set + HDR.append("X-A: 1\\r\\n");'
    again = plain.replace("return", 'if (!PV.get("$rU").equals("alice")) { return 5; } return')
    for name, statements, asked in (("ByKsr", by_ksr, 0), ("Plain", plain, 0), ("Again", again, 1)):
        generation = worker.loaded(body(tmp_path, name, statements))
        for _ in range(4):
            host = MessageHost(INVITE)
            outcome = run(worker, generation, host)
            assert outcome.code == 0
            assert host.get_s("$rU") == "alice"
            assert b"X-A: 1\r\n" in host.message_bytes()
        assert outcome.used & 1, name
        assert (outcome.certain, outcome.answered) == (2, asked), name


def test_exit_ends_the_script_and_runs_every_finally(worker: Started, tmp_path: Path) -> None:
    statements = """
        try {
            deep(10);
        } catch (Exception error) {
            return 1;
        } finally {
            PV.setS("$var(left)", "finally");
        }
        return 2;"""
    more = "static void deep(int n) { if (n == 0) { KSR.x.exit(); } deep(n - 1); }"
    for script, asked in (
        (body(tmp_path, "Exits1", statements, more), []),
        (body(tmp_path, "Drops", statements, more.replace("exit", "drop")), [("set_drop",)]),
    ):
        host = Kemi()
        outcome = run(worker, script, host)
        assert (outcome.code, outcome.has_ended_routing) == (0, True)
        assert host.get_s("$var(left)") == "finally"
        assert host.asked == asked
    assert not run(worker, body(tmp_path, "After", "return 0;")).has_ended_routing


def test_exit_on_a_thread_ends_the_script_at_its_next_call(worker: Started, tmp_path: Path) -> None:
    statements = (
        "Thread thread = new Thread(() -> KSR.x.exit()); thread.start(); thread.join();"
        ' PV.get("$ru"); PV.setS("$var(left)", "went on"); return 5;'
    )
    host = MessageHost(INVITE)
    outcome = run(worker, body(tmp_path, "ExitsOnAThread", statements), host)

    assert (outcome.code, outcome.has_ended_routing) == (0, True)
    assert host.get_s("$var(left)") != "went on"
    assert "SR.KSR" not in worker.log


class Nesting(MessageHost):
    """``ModF`` of an entry runs it, within the exec that asks."""

    def __init__(self, worker: Started, generation: Generation) -> None:
        super().__init__(INVITE)
        self._talk, self._generation = worker.conversation, generation

    def modf(self, function: str, *_arguments: str) -> int:
        if not self._talk.can_nest:
            return -1
        with self._talk.within():
            outcome = self._talk.exec(self._generation, None, self, soon(), entry=function)
        return outcome.code if outcome.code is not None else -1


def test_execs_run_within_each_other_with_the_same_statics(worker: Started, tmp_path: Path) -> None:
    more = (
        'static int runs;\n public static int deeper() { int now = ++runs; int inner = Core.modF("deeper");'
        ' PV.setS("$var(d" + now + ")", "" + inner); return now; }'
        "\n public static void exits() { runs += 100; KSR.x.exit(); }"
        '\n public static int asks() { Core.modF("exits"); return PV.isNull("$avp(x)") + runs; }'
    )
    generation = worker.loaded(body(tmp_path, "Nests", 'return Core.modF("deeper");', more))
    host = Nesting(worker, generation)

    outcome = run(worker, generation, host)

    assert outcome.code == 1
    assert [host.get_s(f"$var(d{depth})") for depth in range(1, MAX_DEPTH)] == ["2", "3", "4", "5", "6", "7", "-1"]
    assert run(worker, generation, host, entry="asks").code == 1 + MAX_DEPTH - 1 + 100
    assert not worker.conversation.holdings.retire_reason


def test_an_exec_waits_for_one_within_it_that_another_thread_asked_for(worker: Started, tmp_path: Path) -> None:
    statements = (
        'Thread asks = new Thread(() -> Core.modF("slow")); asks.start();'
        " while (!isInside) { Thread.onSpinWait(); } return 3;"
    )
    more = (
        "static volatile boolean isInside;\n public static int slow() throws Exception {"
        ' isInside = true; Thread.sleep(50); return PV.setS("$var(slow)", "done"); }'
    )
    generation = worker.loaded(body(tmp_path, "Waits", statements, more))
    host = Nesting(worker, generation)

    outcome = run(worker, generation, host)

    assert (outcome.code, host.get_s("$var(slow)")) == (3, "done")


def test_a_profile_has_the_time_until_main_and_in_main(worker: Started, tmp_path: Path) -> None:
    generation = worker.loaded(body(tmp_path, "Sleeps", "Thread.sleep(20); return 0;"))
    spent: dict[str, int] = {}
    outcome = ExecOutcome()
    outcome.profile = Profile(spent)

    run(worker, generation, outcome=outcome)

    assert spent["decode"] > 0
    assert spent["script"] >= 20_000_000


def test_texts_beyond_the_bound_are_dropped_and_counted(worker: Started, tmp_path: Path) -> None:
    host = MessageHost(INVITE)

    run(worker, body(tmp_path, "Floods", 'for (int i = 0; i < 1100; i++) { Core.log(2, "x"); } return 0;'), host)

    assert host.logs == [(2, "x")] * 999 + [(0, "101 more texts were dropped\n")]


class Raw:
    """The wire itself."""

    def __init__(self, worker: Started) -> None:
        self._channel = worker.conversation.hand_over()
        self._events: list[Event] = []

    def say(self, line: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            self._channel.send(line, soon())

    def hear(self) -> bytes:
        """What comes next; empty at the end of the stream."""
        return self._channel.receive(soon())

    def close(self) -> None:
        """Hangs up."""
        self._channel.close()

    def event(self, session: Session) -> Event:
        """The next event; waits for it."""
        while not self._events:
            data = self.hear()
            assert data, "the bridge ended"
            self._events = session.receive(data)
        return self._events.pop(0)


LIMIT = 4096  # the least that may be set


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
def test_a_bridge_that_is_spoken_to_in_another_language_ends(tmp_path: Path, line: bytes) -> None:
    with started(tmp_path, max_line_bytes=LIMIT) as worker:
        raw = Raw(worker)
        raw.say(line + b"\n")

        assert raw.hear() == b""


def test_no_line_is_too_long_and_no_notice_is_lost(tmp_path: Path) -> None:
    fills = ROOT / "tests" / "wire" / "transcripts" / "java" / "FillsLines.java"
    session = Session(LIMIT, State.IDLE)  # refuses a longer line
    logged: list[tuple[int, int]] = []
    asked: list[int] = []
    with started(tmp_path, max_line_bytes=LIMIT) as worker:
        generation = worker.loaded(fills)
        with contextlib.closing(Raw(worker)) as raw:
            raw.say(session.exec(generation.id, None))
            while not isinstance(event := raw.event(session), Done):
                match event:
                    case Notice("Core.Log", (level, text)):
                        logged.append((level, len(text)))
                    case Question("PV.SetS", (_, text)):
                        asked.append(len(text))
                        raw.say(session.answer(0))

    # A log text is cut at an eighth of the line. A call that does not fit, 6 bytes a letter, is refused in the bridge.
    assert logged == [(length, min(length, LIMIT // 8)) for length in range(700)]
    assert asked == list(range(0, 7 * len(asked), 7))
    assert LIMIT - 6 * 7 - 100 < 6 * asked[-1] < LIMIT
    assert event == Done(100 - len(asked))
