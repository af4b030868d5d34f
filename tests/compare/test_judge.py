"""The judge itself: a fault that is planted in one side is found, seen again, shrunk and put with its kind."""

from __future__ import annotations

import itertools
import time

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.places import ROOT
from tools.compare import unstable
from tools.compare.cases import NOT_ASKED, Case, Difference, Played, compare
from tools.compare.embedded import EmbeddedSide
from tools.compare.judge import Judge
from tools.compare.report import text_of
from tools.compare.server import clean_up
from tools.compare.steps import cases

SOON_S = 60.0
LONG = (
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bK1;rport\r\n"
    b'Max-Forwards: 70\r\nFrom: "Alice" <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n'
    b"Call-ID: 7@example.com\r\nCSeq: 1 INVITE\r\nUser-Agent: Phone 2.1 (new)\r\n"
    b"Subject: a, b\r\nContent-Length: 2\r\n\r\nhi"
)
READS = (
    ("PV.GetS", "$ru"),
    ("PV.GetI", "$ml"),
    ("PV.GetS", "$(ua{s.len}{s.md5})"),
    ("PV.IsNull", "$fU"),
    ("PV.GetS", "$ua"),
)


class ReadsUserAgentWrong(MessageHost):
    """What has a bracket is null."""

    def get_s(self, name: str) -> str | None:
        value = super().get_s(name)
        return None if name == "$ua" and value is not None and "(" in value else value


class ForgetsAfterAWrite(MessageHost):
    """A write of $rU makes $fU null."""

    def set_s(self, name: str, value: str) -> int:
        self.is_written = name == "$rU"
        return super().set_s(name, value)

    def get_s(self, name: str) -> str | None:
        return None if name == "$fU" and getattr(self, "is_written", False) else super().get_s(name)


class KnowsTheTime(MessageHost):
    """Another second at each look."""

    def get_s(self, name: str) -> str | None:
        return f"{time.monotonic_ns()}" if name == "$Ts" else super().get_s(name)


class ForwardsNothing(MessageHost):
    """Nothing leaves a message with a Subject."""

    def forwarded(self, branch: str = "z9hG4bK0") -> bytes | None:
        return None if self.context.header(b"subject") else super().forwarded(branch)


def judged(host: type[MessageHost], *played: Case) -> Judge:
    judge = Judge(EmbeddedSide(), EmbeddedSide(host))
    judge.run(played, time.monotonic() + SOON_S)
    return judge


def test_a_planted_fault_is_shrunk_to_its_step_and_its_header() -> None:
    report = judged(ReadsUserAgentWrong, Case(LONG, READS, "both")).report

    (finding,) = report.findings.values()
    assert finding.kind == "read $ua / needs user-agent"
    assert finding.case.steps == (("PV.GetS", "$ua"),)
    assert b"\r\nUser-Agent: (\r\n" in finding.case.message.replace(b":(", b": (")
    assert b"Subject" not in finding.case.message
    assert (finding.difference.expected, finding.difference.got) == ("(", None)
    assert (
        text_of([("embedded", report)], 1, kamailio="5.6.3", kept=ROOT).splitlines()[-1]
        == f"compare: {report.facts} facts, 1 differ, 1 kinds"
    )


def test_a_fault_that_needs_an_earlier_step_keeps_it_and_no_other() -> None:
    steps = (*READS, ("PV.SetS", "$rU", "carol"), *READS, ("PV.GetS", "$fU"))

    report = judged(ForgetsAfterAWrite, Case(LONG, steps)).report

    (finding,) = report.findings.values()
    assert finding.case.steps == (("PV.SetS", "$rU", ""), ("PV.GetS", "$fU"))
    assert finding.kind == "read $fU / after PV.SetS $rU / needs -"


def test_a_message_that_does_not_leave_is_a_difference_of_its_own() -> None:
    report = judged(ForwardsNothing, Case(LONG, READS, "both")).report

    (finding,) = report.findings.values()
    assert finding.kind == "forwarded / needs subject"
    assert finding.case.steps == ()


class ReadsNoUserOfTel(MessageHost):
    """A tel: URI has none."""

    def get_s(self, name: str) -> str | None:
        is_tel = name == "$rU" and self.context.request_uri.startswith(b"tel:")
        return None if is_tel else super().get_s(name)


def test_made_up_cases_find_a_planted_fault() -> None:
    judge = judged(ReadsNoUserOfTel, *itertools.islice(cases(2), 1500))

    assert list(judge.report.findings) == ["read $rU / needs start line"]
    (finding,) = judge.report.findings.values()
    assert b" tel:" in finding.case.message
    assert len(finding.case.message) < 200


def test_what_the_list_calls_unstable_is_not_compared() -> None:
    report = judged(KnowsTheTime, Case(LONG, (("PV.GetS", "$Ts"), ("PV.GetS", "$ru")))).report

    assert (report.facts, report.named, report.findings) == (3 - 1, 1, {})


class WrongOnce(EmbeddedSide):
    """Its first play is wrong, as what an earlier message left behind may be."""

    def __init__(self) -> None:
        super().__init__()
        self._plays = 0

    def collect(self, case: Case) -> Played:
        self._plays += 1
        played = super().collect(case)
        return played if self._plays > 1 else Played(reached=True, answers=("left over", *played.answers[1:]))


def test_what_a_fresh_process_does_not_show_again_is_no_difference() -> None:
    judge = Judge(WrongOnce(), EmbeddedSide())

    judge.judge(Case(LONG, READS))

    assert judge.report.findings == {}
    assert judge.report.unstable == {"read $ru": 1}
    assert "compare: 6 facts, 0 differ, 0 kinds" in text_of(
        [("embedded", judge.report)], 1, kamailio="5.6.3", kept=ROOT
    )


class Crashes(EmbeddedSide):
    """At a read of $fU."""

    def collect(self, case: Case) -> Played:
        played = super().collect(case)
        at = next((number for number, step in enumerate(case.steps) if step[1] == "$fU"), None)
        return played if at is None else Played(reached=True, answers=played.answers[:at], crashed_at=at)


def test_a_crash_of_kamailio_is_listed_apart_and_hides_what_comes_behind_it() -> None:
    judge = Judge(Crashes(), EmbeddedSide(ReadsUserAgentWrong))

    judge.judge(Case(LONG, READS))

    assert judge.report.findings == {}
    assert list(judge.report.crashes) == ["read $fU"]
    assert judge.report.facts == 3
    assert judge.report.crashes["read $fU"].case.steps == (("PV.IsNull", "$fU"),)


def test_what_ours_refuses_to_break_ends_the_comparison_of_its_case() -> None:
    case = Case(LONG, (("PV.GetS", "$ru"), ("Core.ModF", "msg_apply_changes"), ("PV.GetS", "$ru")), "both")
    expected = Played(reached=True, answers=("a", 0, "b"), forwarded=(b"x",))
    refused = Played(reached=True, answers=("a", -1, "c"), replies=(b"y",))
    wrong = Played(reached=True, answers=("a", 1, "b"), forwarded=(b"x",))

    assert compare(*unstable.until_refused(case, expected, refused)) == (2, [])
    assert compare(*unstable.until_refused(case, expected, wrong))[1] == [Difference(1, 0, 1)]


def test_what_ours_refuses_on_a_message_that_is_made_multipart_ends_the_comparison_of_its_case() -> None:
    multipart, apply = ("Core.ModF", "set_body_multipart"), ("Core.ModF", "msg_apply_changes")
    case = Case(LONG, (multipart, apply, ("PV.GetS", "$ru")), "both")
    expected = Played(reached=True, answers=(1, 1, "b"), forwarded=(b"x",))
    refused = Played(reached=True, answers=(1, -127, "c"), forwarded=(b"y",))

    assert compare(*unstable.until_refused(case, expected, refused)) == (2, [])
    assert compare(*unstable.until_refused(case.with_steps((apply, apply, apply)), expected, refused))[1]


@pytest.mark.parametrize("to", ["sip:x@y", "x: 1\r\n"])
def test_changes_that_leave_no_via_are_compared_until_ours_puts_the_message_back(to: str) -> None:
    steps = (("PV.SetS", "$to", to), ("HDR.Remove", "t"), ("Core.ModF", "msg_apply_changes"), ("PV.GetS", "$ml"))
    lines = LONG.split(b"\r\n")
    lines.insert(1, lines.pop(4))  # To in front of Via
    case = Case(b"\r\n".join(lines), steps, "drop")
    expected, got = (Played(reached=True, answers=(0, 0, value, str(value))) for value in (1, -1))

    is_joined = to == "sip:x@y"
    assert [d.fact for d in compare(*unstable.until_refused(case, expected, got))[1]] == ([] if is_joined else [2, 3])


def test_a_return_code_is_not_compared_behind_a_function_that_ours_refused() -> None:
    steps = [("Core.ModF", name) for name in ("t_release", "nonsense", "has_totag")]
    reads = ("PV.GetS", "$?")
    case = Case(LONG, (steps[0], reads, steps[1], reads, steps[2], reads))
    expected = Played(reached=True, answers=(-1, "-1", -127, "-1", -1, "-1"))
    got = Played(reached=True, answers=(-127, "0", -127, "0", -1, "0"))

    assert [d.fact for d in compare(*unstable.until_refused(case, expected, got))[1]] == [5]


@pytest.mark.parametrize(("value", "is_compared"), [("a%", False), ("a%4", False), ("a%41", True), ("%41b", True)])
def test_an_escape_at_the_end_of_a_value_is_not_compared(value: str, *, is_compared: bool) -> None:
    steps = (("PV.SetS", "$var(x)", value), ("PV.GetS", "$(var(x){s.urldecode.param})"))
    expected, got = (Played(reached=True, answers=(0, text)) for text in ("a", "b"))

    assert bool(compare(*unstable.until_refused(Case(LONG, steps), expected, got))[1]) is is_compared


def test_a_read_beyond_a_buffer_has_no_answer_of_ours() -> None:
    case = Case(LONG, (("PV.GetS", "$(ru{s.fmtlines,99,9999})"), ("PV.GetS", "$(ru{s.len})")), "drop")
    expected, got = (Played(reached=True, answers=(text, text)) for text in ("a", None))

    assert [d.fact for d in compare(*unstable.until_refused(case, expected, got))[1]] == [1]


@pytest.mark.parametrize(
    ("read", "done", "is_compared"),
    [
        ("$(mbu{s.len})", "remove_body", False),
        ("$(mbu{s.len})", "has_body", True),
        ("$(mbu{s.rm,x})", "set_body_multipart", False),
        ("$mbu", "remove_body", True),
    ],
)
def test_nothing_is_compared_behind_two_looks_of_ours_at_a_new_body(read: str, done: str, *, is_compared: bool) -> None:
    case = Case(LONG, (("Core.ModF", done), ("PV.GetS", read), ("PV.GetS", "$ru")), "both")
    expected = Played(reached=True, answers=(1, "0", "a"), forwarded=(b"0",))
    got = Played(reached=True, answers=(1, "00", "b"), forwarded=(b"00",))

    differences = compare(*unstable.until_refused(case, expected, got))[1]
    assert [difference.fact for difference in differences] == ([1, 2, "forwarded"] if is_compared else [])


@pytest.mark.parametrize(
    ("read", "size", "is_compared"),
    [
        ("$(tu{s.replace,@,$(var(x){s.tolower})})", 33, False),
        ("$(tu{s.replace,@,$(var(x){s.tolower})})", 32, True),
        ("$(tu{s.len}{S. replace,@,$(var(x){s.tolower})}{s.len})", 33, False),
        ("$(tu{s.replace,@,$var(x)})", 33, True),
        ("$(tu{s.replace,$(var(x){s.tolower},@)})", 33, True),
    ],
)
def test_a_long_text_that_is_copied_onto_itself_is_not_compared(read: str, size: int, *, is_compared: bool) -> None:
    steps = (("PV.SetS", "$var(x)", "a" * size), ("PV.GetS", read))
    expected, got = (Played(reached=True, answers=(0, text)) for text in ("a", "b"))

    assert bool(compare(*unstable.until_refused(Case(LONG, steps), expected, got))[1]) is is_compared


def test_json_of_bytes_above_127_ends_with_what_the_memory_holds_and_is_compared_elsewhere() -> None:
    steps = tuple(("PV.GetS", f"$(ci{chain}{{val.json}})") for chain in ("", "{s.decode.base64}"))
    expected, got = (Played(reached=True, answers=(text, text)) for text in ("a\0b", "a\0\0"))

    for message, seen in ((LONG, [0]), (LONG + b"\xff", [])):
        assert [
            d.fact for d in compare(*unstable.until_refused(Case(message, steps, "drop"), expected, got))[1]
        ] == seen


@pytest.mark.parametrize(("version", "facts"), [("5.6", 1), ("6.0", 2)])
def test_what_6_0_made_stable_is_compared_there(version: str, facts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unstable, "version", lambda: version)

    assert judged(MessageHost, Case(LONG, (("PV.GetS", "$(ru{uri.saor})"),))).report.facts == facts


@pytest.mark.parametrize(
    ("version", "count", "is_compared"), [("6.0", "1", False), ("6.0", "3", True), ("5.6", "1", True)]
)
def test_a_count_of_what_a_second_look_finds_is_not_compared_where_kemi_looks_twice(
    version: str, count: str, monkeypatch: pytest.MonkeyPatch, *, is_compared: bool
) -> None:
    monkeypatch.setattr(unstable, "version", lambda: version)
    message = LONG.replace(b"Subject: a, b", b"Diversion: <sip:a@a>\r\nDiversion: oops oops oops")
    case = Case(message, (("PV.GetS", "$hflc(Diversion)"),))
    expected, got = (Played(reached=True, answers=(text,)) for text in (count, "0"))

    assert bool(compare(*unstable.until_refused(case, expected, got))[1]) is is_compared


def test_a_crash_of_ours_is_a_difference_even_where_the_real_one_crashes() -> None:
    crashed = Played(reached=True, answers=("a",), crashed_at=1)

    assert [d.fact for d in compare(crashed, crashed)[1]] == ["ours lives"]
    assert compare(crashed, Played(reached=True, answers=("a", "b")))[1] == []


def test_nothing_is_compared_behind_a_function_that_only_ours_could_call() -> None:
    expected = Played(reached=True, answers=(NOT_ASKED, "a"), forwarded=(b"a",))
    called, refused = (Played(reached=True, answers=(value, "b"), forwarded=(b"b",)) for value in (1, -127))

    assert compare(expected, called) == (1, [])
    assert compare(expected, refused) == (3, [Difference(1, "a", "b"), Difference("forwarded", (b"a",), (b"b",))])


def test_what_a_case_wrote_or_counted_is_as_in_a_fresh_process_for_the_next_one() -> None:
    steps = (("PV.SetS", "$shv(a)", "x"), ("PV.GetS", "$(shvinc(b){s.len})"), ("PV.GetI", "$shvinc(b)"))

    assert list(clean_up(steps)) == [("PV.SetI", "$shv(a)", 0), ("PV.SetI", "$shv(b)", 0)]


@pytest.mark.parametrize(
    "vias",
    [b"SIP/2.0/UDP 192.0.2.1,,SIP/2.0/UDP 127.1:5190", b'SIP/2.0/UDP a\r\nv:SIP/2.0/UDP 127.1:5160;X=";received='],
)
def test_a_reply_goes_to_the_second_via_whatever_commas_and_quotes_are_around_it(vias: bytes) -> None:
    reply = b"SIP/2.0 200 OK\r\nVia:%b\r\nFrom: <sip:a@a.example>;tag=a\r\nTo: <sip:b@b.example>\r\n" % vias
    case = Case(reply + b"Call-ID: a\r\nCSeq: 1 OPTIONS\r\n\r\n", mode="forward")

    assert len(EmbeddedSide().collect(case).forwarded) == 1


@pytest.mark.parametrize(
    ("via", "is_seen"),
    [(b"SIP/2.0/UDP a;rport", True), (b"SIP/2.0/;Rport a", False), (b"SIP/2.0/UDP a:5160", True)],
)
def test_a_reply_is_seen_where_a_parameter_of_its_via_says_rport(via: bytes, *, is_seen: bool) -> None:
    case = Case(LONG.replace(b"SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bK1;rport", via), (), "reply")

    assert bool(EmbeddedSide().collect(case).replies) is is_seen


def test_where_a_list_lies_in_memory_is_not_compared() -> None:
    case = Case(LONG, (("PV.SetI", "$xavp(a=>b)", 5), ("PV.GetS", "$xavp(a[*])")))
    one, other = (
        Played(reached=True, answers=(0, f"<<xavp:{place}>>")) for place in ("0x7f4f58e98778", "0x7f2ac3430740")
    )
    nil = Played(reached=True, answers=(0, "<<xavp:(nil)>>"))

    assert compare(*unstable.until_refused(case, one, other))[1] == []
    assert compare(*unstable.until_refused(case, one, nil))[1] != []
