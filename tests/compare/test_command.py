"""The command, on a real Kamailio: what it finds, what it keeps, and what it says when it cannot run."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.kamailio.rig import KAMAILIO
from tests.kamailio.routes import needs_app_mono
from tests.places import ROOT
from tools.compare import __main__ as command
from tools.compare.apart import Apart, trouble
from tools.compare.cases import Case, Step, compare, read_finding
from tools.compare.embedded import EmbeddedSide
from tools.compare.judge import Judge
from tools.compare.report import keep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MESSAGE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bK1;rport\r\n"
    b"From: <sip:a@a.example>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 7@example.com\r\n"
    b"CSeq: 1 INVITE\r\nUser-Agent: Phone\r\nContent-Length: 0\r\n\r\n"
)
# fmt: off
STEPS: tuple[Step, ...] = (
    ("PV.GetS", "$ru"), ("PV.GetI", "$ml"), ("PV.SetS", "$rU", "\u017elu\u0165"), ("PV.GetS", "$rU"),
    ("PV.SetI", "$var(a)", -7), ("PV.GetI", "$var(a)"), ("PV.IsNull", "$nonsense"), ("PV.GetS", None),
    ("HDR.Append", "X-A: 1\r\n"), ("HDR.Insert", "X-I: 1\r\n"), ("HDR.AppendToReply", "X-R: 1\r\n"),
    ("Core.ModF", "msg_apply_changes"), ("PV.GetS", "$hdr(X-I)"), ("HDR.Remove", "User-Agent"), ("PV.Unset", "$du"),
    ("PV.GetS", "$sp"), ("PV.GetS", "$(hdr(X-A){s.len})"),
)
# fmt: on
LASTING = ("$var(a)", "$vn(a)", "$vz(a)", "$shv(a)", "$sht(table=>a)", "$sbranch(uri)")
BOTH = Case(MESSAGE, STEPS, "both")
needs_namespace = pytest.mark.skipif(bool(trouble()), reason=f"no network namespace here: {trouble()}")
pytestmark = [needs_app_mono, needs_namespace]


@pytest.fixture(scope="module")
def real() -> Iterator[Apart]:
    with Apart("app_mono") as real:
        yield real


class ReadsUserAgentWrong(MessageHost):
    """As if there was none."""

    def get_s(self, name: str) -> str | None:
        return None if name == "$ua" else super().get_s(name)


def test_both_sides_play_every_call_alike(real: Apart) -> None:
    real.send(BOTH)
    expected, got = real.collect(BOTH), EmbeddedSide().collect(BOTH)

    assert compare(expected, got) == (len(STEPS) + 3, [])
    assert expected.answers[:4] == ("sip:bob@example.com", len(MESSAGE), 0, "\u017elu\u0165")
    assert (len(expected.forwarded), len(expected.replies)) == (1, 1)


def test_what_a_case_wrote_is_gone_in_the_next_one(real: Apart) -> None:
    first = Case(MESSAGE, tuple(("PV.SetS", name, "left") for name in LASTING))
    second = Case(MESSAGE, tuple(("PV.GetS", name) for name in LASTING))
    real.start()
    real.send(second)
    fresh = real.collect(second)

    real.send(first)
    real.collect(first)
    real.send(second)

    assert real.collect(second) == fresh


def test_a_message_that_kamailio_drops_reaches_no_script(real: Apart) -> None:
    case = Case(b"OPTIONS sip:a@b.example SIP/2.0\r\n\r\n", (("PV.GetS", "$ru"),), "both")

    real.send(case)

    assert not real.collect(case).reached


def test_a_crash_is_seen_at_its_step_and_the_next_case_has_a_fresh_kamailio(real: Apart) -> None:
    steps = (("PV.GetS", "$ru"), ("HDR.Remove", "Via"), ("Core.ModF", "msg_apply_changes"))
    crash = Case(MESSAGE, steps, "forward")

    real.send(crash)
    played = real.collect(crash)
    real.send(BOTH)

    assert (played.crashed_at, len(played.answers)) == (3, 3)
    assert len(real.collect(BOTH).answers) == len(STEPS)


def test_a_planted_fault_is_found_kept_and_played_again(real: Apart, tmp_path: Path) -> None:
    judge = Judge(real, EmbeddedSide(ReadsUserAgentWrong))

    judge.judge(Case(MESSAGE, (*STEPS, ("PV.GetS", "$ua")), "both"))
    judge.judge(Case(MESSAGE, (("PV.GetS", "$ua"), *STEPS), "both"))
    keep("embedded", judge.report, tmp_path)

    assert list(judge.report.findings) == ["read $ua / needs user-agent"]
    (file,) = tmp_path.iterdir()
    mode, case = read_finding(file)
    assert (mode, case.steps) == ("embedded", (("PV.GetS", "$ua"),))
    assert command.replay(file) == 0, "only what was planted was wrong"
    assert command.replay(tmp_path, ["inside"]) == 0


def test_without_kamailio_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "KAMAILIO", None)

    assert command.main([]) == 2
    assert capsys.readouterr().err == (
        "compare: Kamailio and its Python module are not installed: make test-packages\n"
    )


def test_ctrl_c_shows_what_was_found_so_far() -> None:
    assert KAMAILIO
    run = subprocess.Popen(
        [sys.executable, "-m", "tools.compare", "--seconds", "600", "--seed", "1", "--mode", "embedded"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with run:
        assert run.stdout is not None
        run.stdout.readline()
        run.send_signal(2)
        last = run.stdout.read().splitlines()[-1]

    assert last.startswith("compare: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such file"),
        ("not JSON", "expected a finding that make compare kept"),
        ("[1]", "expected a finding that make compare kept"),
        ("{}", "KeyError('mode_of_ours')"),
    ],
)
def test_what_is_no_finding_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "finding.json"
    if text is not None:
        file.write_text(text, "utf-8")

    assert command.main(["--replay", str(file)]) == 2
    error = capsys.readouterr().err
    assert f"{file}: " in error
    assert said in error


def test_a_directory_without_findings_is_no_success(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command.main(["--replay", str(tmp_path)]) == 2
    assert f"{tmp_path}: expected findings" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_no_time_is_refused(capsys: pytest.CaptureFixture[str], seconds: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        command.main(["--seconds", seconds])
    assert "expected more than 0" in capsys.readouterr().err
