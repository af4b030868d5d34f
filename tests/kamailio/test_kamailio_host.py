# ruff: noqa: RUF005 - a list of steps and the reads after it stand apart
"""Every call on KamailioHost in a real Kamailio, beside the same call in the embedded app_mono."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.kamailio.routes import HERE, Place, built_for_app_mono, embedded, needs_app_mono, ours, place, running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.kamailio.rig import Kamailio

__all__ = ["place"]
PLAYER = HERE / "plays_steps.py"
Step = tuple[str | int, ...]


@dataclass(frozen=True)
class Case:
    """What is called in which route, on which message."""

    steps: Sequence[Step]
    method: str = "OPTIONS"
    headers: str = ""
    before: str = ""
    """What comes before the first line."""
    route: str = "request"
    is_answered: bool = True
    """False: Kamailio cannot make a reply to it."""


def gets(*names: str) -> list[Any]:
    """All three questions of each name."""
    return [(call, name) for name in names for call in ("PV.GetS", "PV.GetI", "PV.IsNull")]


APPLIED: Step = ("Core.ModF", "msg_apply_changes")
# fmt: off
BAD_NAMES = ("", "ru", "$", "$$", "$nonsense", "$ru ", "$ru world", "$(ru", "$ru$du", "<null>", "$hdr(", "$(ru{x.y})")
# Of the modules in routes.MODULES: neither answer nor make a transaction, so that what goes out is the same each time.
HARMLESS = (
    "isdsturiset", "resetdsturi", "append_branch", "is_faked_msg", "is_incoming", "t_any_replied", "t_any_timeout",
    "t_branch_replied", "t_branch_timeout", "t_drop_replies", "t_get_status_code", "t_is_canceled", "t_is_expired",
    "t_is_retr_async_reply", "t_load_contacts", "t_lookup_cancel", "t_lookup_request", "t_next_contact_flow",
    "t_next_contacts", "t_reset_fr", "t_reset_max_lifetime", "t_reset_retr", "t_save_lumps", "t_use_uac_headers",
    "t_flush_flags", "t_flush_xflags", "t_is_branch_route", "t_is_failure_route", "t_is_reply_route",
    "t_is_request_route", "t_precheck_trans", "t_reuse_branch", "loose_route", "loose_route_preloaded",
    "remove_record_route", "rr_next_hop_route", "pv_xavi_print", "pv_xavp_print", "pv_xavu_print", "sbranch_append",
    "sbranch_reset", "sbranch_set_ruri", "is_audio_on_hold", "remove_body", "append_rpid_hf", "decode_contact",
    "decode_contact_header", "is_first_hop", "is_gruu", "is_rpid_user_e164", "load_tm", "t_reply",
)
CASES: dict[str, Case] = {
    "reads": Case(
        gets("$ru", "$rU", "$fu", "$tu", "$ci", "$rm", "$cs", "$si", "$sp", "$rp", "$pr", "$ml", "$hdr(CSeq)", "$mb")
    ),
    "reads of null": Case(gets("$du", "$avp(none)", "$vn(none)", "$hdr(X-None)", "$null", "$fs", "$rs")),
    "reads of bad names": Case(gets(*BAD_NAMES)),
    "reads of what fails": Case(gets("$(vn(none){s.len})", "$(ru{s.substr,900,1})", "$(vn(none){s.int})")),
    "numbers and texts": Case(
        [("PV.SetI", "$var(i)", -7), ("PV.SetS", "$var(s)", "12"), ("PV.SetI", "$avp(i)", 2147483647)]
        + [("PV.SetI", "$var(m)", -2147483648)]
        + gets("$var(i)", "$var(s)", "$avp(i)", "$var(m)", "$(var(s){s.int})", "$var(fresh)", "$mf", "$mF")
    ),
    "numbers whose text is not their digits": Case(
        gets("$cl", "$(cl{s.int})", "$(ru{uri.port})", "$(hdr(X-Z){s.int})", "$(hdr(X-Z){s.int}{s.len})", "$cs")
        + gets("$(hdr(X-E){s.int})", "$(hdr(X-P){s.int})", "$(ct{nameaddr.uri}{uri.port})", "$(hdr(X-Z){s.int}{s.int})")
        + gets("$(hdr(X-Z){uri.port})", "$envn(TZ)", "$envn(PATH)", "$envn(NONE)", "$env(PATH)", "$defn(NONE)", "$RAp"),
        headers="Content-Length: 000\r\nX-Z: 0007\r\nX-E:\r\nX-P: +7\r\nContact: <sip:a@127.0.0.1:05060>\r\n",
    ),
    "regular expressions count bytes": Case(
        gets("$(hdr(Subject){re.subst,/./x/g})", "$(hdr(Subject){re.subst,/[[:alpha:]]+/A/g})")
        + gets("$(hdr(Subject){re.subst,/ü/./})", "$(hdr(Subject){re.subst,/Ü/x/i})")
        + gets("$(hdr(Subject){re.subst,/^.{7}$/seven/})"),
        headers="Subject: Grüße\r\n",
    ),
    "writes that succeed": Case(
        [("PV.SetS", "$rU", "123"), ("PV.SetS", "$ru", "sip:x@y.example"), ("PV.SetS", "$du", "sip:127.0.0.1:9")]
        + [("PV.SetS", "$fn", "Carol"), ("PV.SetI", "$mf", 5), ("PV.SetS", "$(ru{s.len})", "sip:tr@x.example")]
        + gets("$ru", "$rU", "$du", "$fn", "$mf")
    ),
    "long users": Case(
        [("PV.SetS", "$rU", "1" * 256), ("PV.SetS", "$rU", "2" * 900), ("PV.SetS", "$rU", "3" * 1100)]
        + [("PV.SetS", "$ru", f"sip:{'4' * 900}@a.example"), ("PV.SetS", "$rU", "5" * 256)]
        + [("PV.SetS", "$ru", f"sip:6@{'a' * 900}.example"), ("PV.SetS", "$rU", "7" * 256)] + gets("$rU")
    ),
    "writes that fail": Case(
        [("PV.SetS", "$nonsense", "1"), ("PV.SetI", "$ru", 5), ("PV.SetS", "$mf", "x"), ("PV.SetS", "", "x")]
        + [("PV.SetS", "$ci", "read only"), ("PV.SetI", "$rp", 1), ("PV.SetS", "$ru", "notauri"), ("PV.SetI", "$x", 1)]
        + gets("$ru", "$ci")
    ),
    "unset": Case(
        [("PV.SetS", "$avp(a)", "1"), ("PV.Unset", "$avp(a)"), ("PV.Unset", "$ru"), ("PV.Unset", "$rU")]
        + [("PV.Unset", "$du"), ("PV.Unset", "$nonsense"), ("PV.Unset", "$ci"), ("PV.Unset", "")]
        + gets("$avp(a)", "$ru", "$rU", "$du")
    ),
    "text beyond ASCII": Case(
        [("PV.SetS", "$var(u)", "žluť 𝄞"), ("HDR.Append", "X-U: žluť\r\n"), ("HDR.Insert", "X-I: 𝄞\r\n")]
        + [("HDR.AppendToReply", "X-R: žluť\r\n")] + gets("$var(u)", "$hdr(X-Latin)"),
        headers="X-Latin: žluť\r\n",
    ),
    "arguments end at a NUL": Case(
        [("PV.SetS", "$var(n)", "a\0b"), ("PV.GetS", "$ru\0$fu"), ("PV.GetI", "$ml\0x"), ("PV.IsNull", "$du\0x")]
        + [("PV.SetI", "$var(n2)\0x", 3), ("PV.Unset", "$avp(x)\0y"), ("HDR.Append", "X-A: 1\r\n\0X-B: 2\r\n")]
        + [("HDR.Insert", "X-I: 1\r\n\0"), ("HDR.Remove", "Max-Forwards\0x"), ("HDR.AppendToReply", "X-R: 1\r\n\0x")]
        + [("Core.ModF", "msg_apply_changes\0x")] + gets("$var(n)", "$var(n2)")
    ),
    "headers": Case(
        [("HDR.Append", "X-A: 1\r\n"), ("HDR.Append", "X-B: 2\r\n"), ("HDR.Insert", "X-C: 3\r\n")]
        + [("HDR.Insert", "X-D: 4\r\n"), ("HDR.Remove", "subject"), ("HDR.Remove", "X-Old"), ("HDR.Remove", "X-None")]
        + [("HDR.AppendToReply", "X-R: 1\r\n"), ("HDR.AppendToReply", "X-S: 1\r\n")],
        headers="X-Old: 1\r\nSubject: a\r\ns: b\r\nx-old: 2\r\n",
    ),
    "inserts among appends": Case(
        [("HDR.Insert", "X-1: 1\r\n"), ("HDR.Append", "X-2: 2\r\n"), ("HDR.Insert", "X-3: 3\r\n"), APPLIED]
        + [("HDR.Insert", "X-4: 4\r\n"), ("HDR.Append", "X-5: 5\r\n")] + gets("$hdr(X-1)", "$hdr(X-4)")
    ),
    **{
        f"inserts behind {len(before)} blanks before the first line {what}": Case(
            [("HDR.Insert", "X-1: 1\r\n"), ("HDR.Append", "X-2: 2\r\n"), ("HDR.Insert", "X-3: 3\r\n")],
            headers=headers, before=before, is_answered=not headers,
        )
        for before in ("\r\n\r\n", " \t\n", "\r\n" * 60)
        for what, headers in (("", ""), ("and a header that does not parse", "no header at all\r\n"))
    },
    "odd headers": Case(
        [("HDR.Append", ""), ("HDR.Insert", ""), ("HDR.Remove", ""), ("HDR.AppendToReply", "")]
        + [("HDR.Remove", "not a name"), ("HDR.Remove", "!"), ("HDR.Remove", "f:"), ("HDR.Append", "no line end")]
    ),
    "a header that does not parse": Case(
        [("HDR.Append", "X-A: 1\r\n"), ("HDR.Remove", "Subject"), ("HDR.Insert", "X-I: 1\r\n")]
        + [("HDR.Insert", "X-J: 1\r\n")]
        + gets("$hdr(Subject)", "$msg(hdrc)"),
        headers="Subject: a\r\nno header at all\r\n", is_answered=False,
    ),
    "module functions": Case(
        [("Core.ModF", name) for name in ("no_such_function", "", "append_hf", "has_totag", "is_request", "is_reply")]
        + [("Core.ModF", name) for name in ("keep_hf", "has_body", "record_route", "sl_forward_reply", "t_release")]
    ),
    **{f"ModF of {name}": Case([("Core.ModF", name)], headers="Contact: <sip:a@127.0.0.1:9>\r\n") for name in HARMLESS},
    "a reply made by a module": Case([("HDR.AppendToReply", "X-R: 1\r\n"), ("Core.ModF", "sl_reply_error")]),
    "the branch route": Case(
        [("HDR.Append", "X-B: 1\r\n"), ("HDR.Insert", "X-I: 1\r\n"), ("PV.SetS", "$ru", "sip:b@c.example")]
        + gets("$ru", "$T_branch_idx", "$rm"), "INVITE", route="branch",
    ),
    "the reply route": Case(gets("$rs", "$rr", "$ru", "$T_reply_code", "$rm", "$hdr(CSeq)"), "INVITE", route="reply"),
    "edits of a reply": Case(
        [("HDR.Append", "X-A: 1\r\n"), ("HDR.Insert", "X-I: 1\r\n"), ("HDR.Remove", "Contact")],
        "INVITE", route="reply",
    ),
    "the core's reply route": Case(gets("$rs", "$rm"), "INVITE", route="core_reply"),
    "the failure route": Case(
        [("HDR.AppendToReply", "X-F: 1\r\n"), ("HDR.Append", "X-G: 1\r\n"), ("HDR.Insert", "X-I: 1\r\n")]
        + gets("$T_reply_code", "$ru", "$rm", "$du"), "INVITE", route="failure",
    ),
    "an event route": Case(gets("$T_reply_code", "$ru", "$rm", "$T_branch_idx"), "INVITE", route="event"),
}
# fmt: on


def play(place: Place, kamailio: Kamailio, name: str, case: Case) -> tuple[list[str], list[bytes]]:
    """Run one case; the answers and the messages that came out."""
    steps = kamailio.directory / case.route
    answers = kamailio.directory / f"{case.route}.answers"
    answers.unlink(missing_ok=True)
    steps.write_text("".join(" ".join([str(step[0]), *map(word, step[1:])]) + "\n" for step in case.steps), "ascii")
    call_id = name.replace(" ", "-").replace("'", "")
    request = case.before.encode() + place.caller.request(case.method, headers=case.headers, call_id=call_id)
    came = place.call(request, is_answered=case.is_answered)
    steps.unlink()
    assert kamailio.is_alive, kamailio.log()[-2000:]
    assert answers.exists(), f"{case.route} did not run: {came}\n{kamailio.log()[-3000:]}"
    return answers.read_text("ascii").splitlines(), came


def word(argument: str | int) -> str:
    return "=" + str(argument).encode("utf-16-be", "surrogatepass").hex()


def read(answer: str) -> str | int | None:
    """An answer as the script had it."""
    if answer == "n":
        return None
    return int(answer[2:]) if answer[0] == "i" else bytes.fromhex(answer[2:]).decode("utf-16-be", "surrogatepass")


Played = dict[str, tuple[list[str], list[bytes]]]


@pytest.fixture(scope="module")
def expected(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """What app_mono itself does."""
    directory = tmp_path_factory.mktemp("embedded")
    script = built_for_app_mono(HERE / "scripts" / "PlaysSteps.cs", directory / "scripts")
    cfg = embedded(script, f'mono_run("{directory}/{{route}}")', place.sink.port, place.port)
    with running(cfg, directory, place.port) as kamailio:
        return {name: play(place, kamailio, name, case) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def played(place: Place, expected: Played, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """What KamailioHost does, after app_mono has left the port."""
    assert expected
    directory = tmp_path_factory.mktemp("ours")
    cfg = ours(PLAYER, f'python_exec("play", "{directory}/{{route}}")', place.sink.port, place.port)
    with running(cfg, directory, place.port) as kamailio:
        return {name: play(place, kamailio, name, case) for name, case in CASES.items()}


@needs_app_mono
@pytest.mark.parametrize("name", CASES)
def test_a_call_gives_and_does_what_it_does_in_app_mono(expected: Played, played: Played, name: str) -> None:
    steps = CASES[name].steps
    answers = [list(zip(steps, map(read, side[name][0]), strict=True)) for side in (expected, played)]

    assert answers[1] == answers[0]
    assert played[name][1] == expected[name][1]


LATIN = "caf\udce9 $fu {x}"
BYTES = b"caf\xe9 $fu {x}"


@pytest.fixture
def alone(place: Place, tmp_path: Path) -> Kamailio:
    """A Kamailio with KamailioHost, for what app_mono garbles."""
    cfg = ours(PLAYER, f'python_exec("play", "{tmp_path}/{{route}}")', place.sink.port, place.port)
    return running(cfg, tmp_path, place.port)


def test_bytes_that_are_not_utf8_are_read_and_written_as_they_are(place: Place, alone: Kamailio) -> None:
    steps: list[Step] = [
        ("PV.GetS", "$hdr(X-L)"),
        ("PV.GetS", "$(hdr(X-L)[0])"),
        ("PV.GetS", "$(hdr(X-L){s.substr,2,2})"),
        ("PV.GetI", "$hdr(X-L)"),
        ("PV.IsNull", "$hdr(X-L)"),
        ("PV.SetS", "$var(l)", LATIN),
        ("PV.GetS", "$var(l)"),
        ("PV.SetS", "$ci", LATIN),
        ("PV.SetS", "$nonsense", LATIN),
        ("PV.SetS", "$var(l)", "\ud800"),
        ("HDR.Append", f"X-A: {LATIN}\r\n"),
        ("HDR.AppendToReply", f"X-R: {LATIN}\r\n"),
        ("HDR.Insert", f"X-I: {LATIN}\r\n"),
        ("Core.Log", "1", f"told {LATIN}\n"),
    ]
    with alone as kamailio:
        steps_file = kamailio.directory / "request"
        steps_file.write_text("".join(" ".join([str(s[0]), *map(word, s[1:])]) + "\n" for s in steps), "ascii")

        forwarded, reply = place.call(place.caller.request().replace(b"CSeq", b"X-L: " + BYTES + b"\r\nCSeq"))
        answers = [read(line) for line in (kamailio.directory / "request.answers").read_text("ascii").splitlines()]
        log = kamailio.log()

    assert answers == [LATIN, LATIN, "f\udce9", 0, 0, 0, LATIN, 0, -1, -1, 0, 0, -1, None]
    assert b"X-A: " + BYTES + b"\r\n" in forwarded
    assert b"X-R: " + BYTES + b"\r\n" in reply
    assert "told caf\\xe9 $fu {x}" in log


def test_the_side_of_kamailio_needs_the_standard_library_alone() -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.modules['pydantic'] = sys.modules['watchdog'] = None;"
        "import runner.client.lease, runner.hosts.kamailio.host as side; print(side.KamailioHost.__name__)"
    )

    ran = subprocess.run(
        ["/usr/bin/python3", "-I", "-c", program, str(HERE.parent.parent)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip

    assert ran.stdout == "KamailioHost\n", ran.stderr
    assert sys.version_info >= (3, 11)
