"""runner.worker.host_calls: what a script's calls do at the host."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import CallRefused, ExecTimeout, ProtocolViolation
from runner.hosts.embedded.host import MessageHost
from runner.scripts.foresight import Plan
from runner.wire.events import Notice, Question
from runner.worker import host_calls
from runner.worker.outcome import LOOK_EVERY, MAX_EDITS, MAX_TEXT_CHARACTERS, ExecOutcome
from tests.places import INVITE
from tests.programs import WAIT_S
from tests.worker.workers import loaded, soon

if TYPE_CHECKING:
    from pathlib import Path

    from runner.worker.worker import Worker

PLAN = Plan(
    edits=(("PV.SetS", "$var(a)"), ("HDR.AppendToReply", "")),
    methods=(("set_s", "$var(a)"), ("hdr_append_to_reply", None)),
)
PID = 4312


class RefusingHost(MessageHost):
    def set_s(self, name: str, value: str) -> int:
        raise CallRefused(f"not {name} = {value}")


class BrokenHost(MessageHost):
    def set_s(self, name: str, value: str) -> int:
        raise ZeroDivisionError(f"{name} {value}")


@pytest.mark.parametrize("kind", [RefusingHost, BrokenHost])
def test_a_call_that_the_host_refuses_or_fails_at_gives_the_error_value(
    worker: Worker, tmp_path: Path, kind: type[MessageHost]
) -> None:
    generation = loaded(worker, "LoneSurrogates", tmp_path)

    outcome = worker.exec(generation, None, kind(INVITE), soon())

    assert outcome.code == 0
    assert worker.is_alive


class OddHost(MessageHost):
    """Answers what no host may answer."""

    def get_s(self, _name: str) -> Any:
        return b"bytes"

    def log(self, _level: int, _text: str) -> None:
        raise OSError("the log is full")


def asked(host: Any, call: str, *args: Any, outcome: ExecOutcome | None = None) -> tuple[str | int | None, str]:
    return host_calls.ask(PID, host, Question(call, args), outcome or ExecOutcome())


def edited(host: Any, *pairs: list[Any], outcome: ExecOutcome | None = None, seconds: float = WAIT_S) -> ExecOutcome:
    made = outcome or ExecOutcome()
    host_calls.edit(PID, host, PLAN, list(pairs), made, deadline=time.monotonic() + seconds)
    return made


def test_a_question_is_answered_and_counted() -> None:
    host, outcome = MessageHost(INVITE), ExecOutcome()

    assert asked(host, "PV.GetS", "$rm", outcome=outcome) == ("INVITE", "")
    assert asked(host, "PV.SetI", "$var(a)", 7, outcome=outcome) == (0, "")
    assert asked(host, "PV.GetI", "$var(a)", outcome=outcome) == (7, "")
    assert asked(host, "PV.GetS", "$avp(nobody)", outcome=outcome) == (None, "")

    assert (outcome.answered, outcome.edited) == (4, 1)
    assert outcome.asked is not None
    assert outcome.asked[1] == ("PV.SetI", ("$var(a)", 7))


def test_a_function_of_kemi_that_only_reads_is_no_edit() -> None:
    """A script may read as often as it likes."""
    host, outcome = MessageHost(INVITE), ExecOutcome()

    assert asked(host, "KSR", "pv.get", ["$rm"], outcome=outcome) == ("INVITE", "")
    assert asked(host, "KSR", "pv.sets", ["$rU", "x"], outcome=outcome) == (True, "")

    assert (outcome.answered, outcome.edited) == (2, 1)


@pytest.mark.parametrize(
    ("host", "refusal", "logged"),
    [
        (RefusingHost(INVITE), "not $rU = 1", 0),
        (BrokenHost(INVITE), "the host failed: $rU 1", 1),
    ],
    ids=["refuses", "fails"],
)
def test_a_host_that_refuses_says_why_and_one_that_fails_is_logged(
    host: MessageHost, refusal: str, logged: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert asked(host, "PV.SetS", "$rU", "1") == (None, refusal)
    assert [record.getMessage() for record in caplog.records] == [f"worker {PID}: the host failed at PV.SetS"] * logged
    assert all(record.exc_info for record in caplog.records)


def test_an_answer_that_is_no_value_is_a_fault_of_the_host(caplog: pytest.LogCaptureFixture) -> None:
    assert asked(OddHost(INVITE), "PV.GetS", "$ru") == (None, "the host failed: expected str, int or None, got bytes")
    assert len(caplog.records) == 1


def test_one_edit_too_many_is_not_made() -> None:
    host, outcome = MessageHost(INVITE), ExecOutcome()
    outcome.certain = MAX_EDITS - 1
    asked(host, "PV.SetS", "$var(a)", "last", outcome=outcome)

    with pytest.raises(ProtocolViolation, match="edits in one exec"):
        asked(host, "PV.SetS", "$var(a)", "more", outcome=outcome)

    assert host.get_s("$var(a)") == "last"
    assert asked(host, "PV.GetS", "$var(a)", outcome=outcome) == ("last", ""), "it may still read"


def test_certain_edits_are_made_in_order() -> None:
    host = MessageHost(INVITE)

    outcome = edited(host, [0, "first"], [1, "X: 1\r\n"], [0, "last"])

    assert (outcome.certain, outcome.edited, outcome.refused) == (3, 0, "")
    assert host.get_s("$var(a)") == "last"
    assert host.reply_headers == ["X: 1\r\n"]


@pytest.mark.parametrize("kind", [RefusingHost, BrokenHost])
def test_the_first_certain_edit_that_is_not_made_is_told_and_the_others_are(kind: type[MessageHost]) -> None:
    host = kind(INVITE)

    outcome = edited(host, [1, "X: 1\r\n"], [0, "first"], [0, "second"], [1, "X: 2\r\n"])

    assert outcome.refused == "PV.SetS('$var(a)', 'first')"
    assert outcome.certain == 4
    assert host.reply_headers == ["X: 1\r\n", "X: 2\r\n"]


def test_of_many_certain_edits_none_is_made_after_the_deadline() -> None:
    host, outcome = MessageHost(INVITE), ExecOutcome()

    with pytest.raises(ExecTimeout):
        edited(host, *([0, f"v{number}"] for number in range(LOOK_EVERY + 1)), outcome=outcome, seconds=0)

    assert outcome.certain == 0
    assert host.get_s("$var(a)") == "0", "what no script has set"


def test_more_certain_edits_than_an_exec_may_make_are_refused_whole() -> None:
    host, outcome = MessageHost(INVITE), ExecOutcome()
    outcome.edited = MAX_EDITS - 1

    with pytest.raises(ProtocolViolation):
        edited(host, *([0, f"v{number}"] for number in range(LOOK_EVERY + 1)), outcome=outcome)

    assert outcome.certain == 0


def test_texts_are_logged_until_these_are_too_many_characters() -> None:
    host, outcome = MessageHost(INVITE), ExecOutcome()
    for text in ("a", "x" * (MAX_TEXT_CHARACTERS - 2), "b", "c", "d"):
        host_calls.write_log(PID, host, Notice("Core.Log", (1, text)), outcome)

    assert [text[0] for _, text in host.logs] == ["a", "x", "b"]
    assert (outcome.logs, outcome.characters, outcome.dropped) == (3, MAX_TEXT_CHARACTERS, 2)


def test_after_one_text_was_dropped_no_other_is_logged_out_of_order() -> None:
    host, outcome = MessageHost(INVITE), ExecOutcome()
    for text in ("x" * (MAX_TEXT_CHARACTERS + 1), "short"):
        host_calls.write_log(PID, host, Notice("Core.Log", (1, text)), outcome)

    assert host.logs == []
    assert outcome.dropped == 2


def test_a_log_that_fails_is_no_fault_of_the_script(caplog: pytest.LogCaptureFixture) -> None:
    outcome = ExecOutcome()

    host_calls.write_log(PID, OddHost(INVITE), Notice("Core.Log", (1, "text")), outcome)

    assert outcome.logs == 1
    assert caplog.messages == [f"worker {PID}: the host failed at Core.Log"]


def test_the_call_id_is_said_where_the_host_has_one() -> None:
    class Failing(MessageHost):
        def get_s(self, _name: str) -> str | None:
            raise OSError("gone")

    assert host_calls.call_id(MessageHost(b"INVITE sip:b@c SIP/2.0\r\nCall-ID: a@b\r\n\r\n")) == "a@b"
    assert host_calls.call_id(Failing(INVITE)) is None


class PlacedHost(MessageHost):
    """Wants to know where calls are made."""

    place: tuple[str, int] | None = None

    def called_from(self, file: str, line: int) -> None:
        self.place = file, line


def test_a_host_that_wants_it_is_told_where_a_call_is_made() -> None:
    host, question = PlacedHost(INVITE), Question("PV.GetS", ("$rU",), ("/x/X.cs", 7))

    assert host_calls.ask(PID, host, question, ExecOutcome()) == ("bob", "")
    assert host.place == ("/x/X.cs", 7)
    host_calls.write_log(PID, host, Notice("Core.Log", (1, "x"), ("/x/X.cs", 8)), ExecOutcome())
    assert host.place == ("/x/X.cs", 8)


def test_a_worker_that_says_it_unasked_disturbs_no_other_host() -> None:
    question = Question("PV.GetS", ("$rU",), ("/x/X.cs", 7))

    assert host_calls.ask(PID, MessageHost(INVITE), question, ExecOutcome()) == ("bob", "")


def test_only_a_worker_that_can_is_asked_where_calls_are_made() -> None:
    assert host_calls.extras(PlacedHost(INVITE), ExecOutcome(), ("trace",)) == ',"trace":true'
    assert host_calls.extras(PlacedHost(INVITE), ExecOutcome(), ()) == ""
    assert host_calls.extras(MessageHost(INVITE), ExecOutcome(), ("trace",)) == ""
