"""kamailio/app_mono_kemi.py in a real Kamailio: a routing script in C#, and what its failures are to a caller."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.kemi_site import ENGINES, PATIENT, Site
from tests.kamailio.rig import Peer
from tests.kamailio.routes import HERE
from tests.kamailio.test_app_mono import Site as OtherSite
from tests.kamailio.test_examples import reply_to
from tests.places import ROOT
from tests.programs import WAIT_S, until
from tests.running_daemon import app_mono, compiled

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = HERE / "scripts" / "RoutesByName.cs"
ASKS = {'kemi.onsend_route_callback="none"\n': 'modparam("sl", "event_callback_lres_sent", "on_event")\n'}
FAILED = "500 Server Internal Error"
OURS = [pytest.param(name, marks=engine.marks) for name, engine in ENGINES.items() if not engine.suffix]
Start = Callable[..., Site]


# Half of an exec's time is waited for a daemon that is not there.
WITHOUT_DAEMON = "exec_timeout_s = 1.0\nallocate_timeout_s = 20.0\nmax_workers = 12"


@pytest.fixture(scope="module", params=OURS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(ENGINES[request.param], tmp_path_factory.mktemp("kemi"), stack, SCRIPT, change=ASKS)


@pytest.fixture(params=OURS)
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Start]:
    """A site of the test's own, with settings of its own."""
    with ExitStack() as stack:
        yield lambda settings="", script=SCRIPT, patient=PATIENT, **more: Site(
            ENGINES[request.param], tmp_path, stack, script, settings=f"{patient}\n{settings}", **more
        )


def ask(site: Site, user: str, method: str = "OPTIONS", headers: str = "") -> str | None:
    return site.asked(method, f"sip:{user}@example.com", headers)


@pytest.fixture
def phone(site: Site) -> Iterator[Peer]:
    with Peer(site.port) as phone:
        yield phone


def called(site: Site, phone: Peer, user: str, line: str) -> tuple[str, str]:
    """Call, answer with a line; gives the INVITE that the phone got and the final reply that the caller got."""
    call_id = site.send("INVITE", f"sip:{user}@example.com", f"X-To: {phone.port}\r\n")
    invite = heard(site, phone, call_id, "INVITE ")
    phone.send(reply_to(invite, line))
    return invite.decode(), heard(site, site.peer, call_id, "SIP/2.0 [2-6]").decode()


def heard(site: Site, peer: Peer, call_id: str, begin: str) -> bytes:
    """The next message of this call that begins so; there are replies to earlier ones, which nobody acknowledges."""
    while True:
        message = peer.receive(WAIT_S)
        assert message is not None, site.kamailio.log()
        if f"Call-ID: {call_id}\r\n".encode() in message and re.match(begin.encode(), message):
            return message


def test_every_function_that_kamailio_asks_for_is_the_method_of_that_name(site: Site, phone: Peer) -> None:
    invite, answer = called(site, phone, "relays", "200 OK")
    _, declined = called(site, phone, "relays", "486 Busy Here")

    assert "X-Ran: each_branch\r\n" in invite
    assert answer.startswith("SIP/2.0 200 OK")
    assert "X-Ran: ksr_reply_route\r\n" in answer
    assert "X-Ran: each_reply\r\n" in answer
    assert declined.startswith("SIP/2.0 480 By each_failure")
    until(lambda: "ksr_onsend_route of relays" in site.kamailio.log(), "what was sent is in the log")


def test_an_event_is_the_one_argument_of_its_method(site: Site) -> None:
    assert ask(site, "fine") == "200 OK"
    until(lambda: "on_event: sl:local-response" in site.kamailio.log(), "the event behind the reply")


@pytest.mark.parametrize(
    ("module", "call"),
    [
        pytest.param("app_python3", "python_exec", marks=ENGINES["C#"].marks),
        pytest.param("app_python3s", "app_python3s_exec", marks=ENGINES["C#, app_python3s"].marks),
    ],
)
def test_scripts_of_the_cfg_run_as_with_the_other_files(tmp_path: Path, module: str, call: str) -> None:
    with ExitStack() as stack:
        site = OtherSite(tmp_path, stack)
        site.python = module
        script = compiled(site.daemon.scripts, "Bob", 'static int Main(string[] a) { return a[0] == "bob" ? 0 : 1; }')
        site.start(f'{call}("mono_exec", "{script} $rU");', script=ROOT / "kamailio" / "app_mono_kemi.py")

        assert [site.result(f"sip:{user}@example.com") for user in ("bob", "al")] == [1, -1]


def test_what_the_script_does_not_have_does_nothing_and_is_logged_once(site: Site, phone: Peer) -> None:
    for _ in range(3):
        _, answer = called(site, phone, "relays-by-names-that-are-not-there", "486 Busy Here")

        assert answer.startswith("SIP/2.0 486 Busy Here")
    log = site.kamailio.log()
    assert [log.count(f"has no entry 'no_{kind}'") for kind in ("branch", "reply", "failure")] == [1, 1, 1]
    assert "SystemError" not in log


def test_a_name_that_is_mistyped_is_logged_where_it_is_given(site: Site, phone: Peer) -> None:
    """It was logged when a call failed for the first time, which may be much later."""
    _, answer = called(site, phone, "relays-by-a-mistyped-name", "200 OK")

    assert answer.startswith("SIP/2.0 200 OK")
    said = f"{site.script} has no entry 'each_failur', which KSR.tm.t_on_failure names; did you mean 'each_failure'?"
    assert site.kamailio.log().count(said) == 1


def test_an_entry_that_a_save_adds_or_removes_is_asked_for_from_then_on(start: Start) -> None:
    site = start()
    build = site.script.read_bytes()
    lacks = build.replace(b"each_branch", b"once_branch")  # its name in the metadata, and not the one that is asked for
    ran = []

    with Peer(site.port) as phone:
        for content in (build, lacks, build):
            site.script.with_suffix(".new").write_bytes(content)
            site.script.with_suffix(".new").rename(site.script)
            invite, _ = called(site, phone, "relays", "200 OK")
            ran.append("X-Ran: each_branch" in invite)

    assert ran == [True, False, True]
    assert site.kamailio.log().count("has no entry 'each_branch', which KSR.tm.t_on_branch names") == 1


def test_a_setting_that_is_wrong_is_logged_once_at_the_start_and_once_at_each_reload(start: Start) -> None:
    site = start('on_busy = 3\nkemi_on_error = "no"\nksr_allow = ["no.such"]\n', patient=WITHOUT_DAEMON, daemon=False)
    faults, counts = ("on_busy: expected", "kemi_on_error: expected", "ksr_allow: 'no.such'"), []

    for _ in range(2):
        counts.append([site.kamailio.log().count(fault) for fault in faults])
        site.reload()
        ask(site, "fine")

    assert counts == [[1, 1, 1], [2, 2, 2]]


@pytest.mark.parametrize("user", ["throws", "throws-in-a-transaction", "dies"])
def test_a_request_whose_route_failed_is_answered_and_the_next_one_is_served(site: Site, user: str) -> None:
    assert ask(site, user) == FAILED, site.kamailio.log()
    until(lambda: ask(site, "fine") == "200 OK", "the next request is served")


def test_the_answer_to_a_failure_is_of_the_transaction(site: Site) -> None:
    """Such a reply to an INVITE comes again until there is an ACK (RFC 3261, 17.2.1)."""
    call_id = site.send("INVITE", "sip:throws-in-a-transaction@example.com")

    answers = [heard(site, site.peer, call_id, f"SIP/2.0 {FAILED}") for _ in range(2)]

    assert answers[0] == answers[1]


@pytest.mark.parametrize("user", ["answers-and-throws", "answers-by-ModF-and-throws"])
def test_a_request_that_was_answered_is_not_answered_again(site: Site, user: str) -> None:
    assert ask(site, user) == "200 OK"
    assert ask(site, "fine") == "200 OK"
    assert site.came == ["200 OK"]


def test_a_request_that_was_relayed_is_answered_by_whom_it_reached(site: Site, phone: Peer) -> None:
    _, answer = called(site, phone, "relays-and-throws", "200 OK")

    assert answer.startswith("SIP/2.0 200 OK")


@pytest.mark.parametrize("line", ["200 OK", "486 Busy Here"])
def test_a_message_goes_on_when_a_route_for_its_branch_reply_or_failure_fails(
    site: Site, phone: Peer, line: str
) -> None:
    _, answer = called(site, phone, "throws-everywhere", line)

    assert answer.startswith(f"SIP/2.0 {line}")


@pytest.mark.parametrize("user", ["drops", "exits", "throws"])
def test_who_expects_no_answer_gets_none(site: Site, user: str) -> None:
    """A script that ends without an answer has not failed; and an ACK has none whatever happens."""
    site.send("ACK" if user == "throws" else "OPTIONS", f"sip:{user}@example.com")

    assert ask(site, "fine") == "200 OK"
    assert site.came == ["200 OK"]
    assert "it went on" not in site.kamailio.log()


def test_a_route_that_does_not_end_is_answered_at_the_deadline(start: Start) -> None:
    site = start(patient="exec_timeout_s = 1.0\nallocate_timeout_s = 1.0\nnum_workers = 2")
    until(lambda: ask(site, "fine") == "200 OK", "the worker has started")

    assert ask(site, "loops") == FAILED
    until(lambda: ask(site, "fine") == "200 OK", "the next request is served")


def test_a_function_of_kamailio_that_runs_is_not_ended_by_the_deadline(start: Start) -> None:
    """Nothing can end it but the process; the caller is answered when it has returned, here after two seconds."""
    loads = {'loadmodule "sl.so"\n': 'loadmodule "sl.so"\nloadmodule "cfgutils.so"\n'}
    site = start(patient="exec_timeout_s = 1.8\nallocate_timeout_s = 1.8\nnum_workers = 2", change=loads)
    until(lambda: ask(site, "fine") == "200 OK", "the worker has started")
    began = time.monotonic()

    assert ask(site, "sleeps-in-Kamailio") == FAILED
    assert time.monotonic() - began >= 2.0  # what usleep was told
    until(lambda: ask(site, "fine") == "200 OK", "the next request is served")


def test_without_a_daemon_a_request_is_answered_by_the_setting(start: Start) -> None:
    site = start('kemi_on_error = "503 Routing Unavailable"\n', patient=WITHOUT_DAEMON.replace("1.0", "4.0"))
    assert site.daemon is not None
    assert ask(site, "throws") == "503 Routing Unavailable"
    site.daemon.kill()
    ask(site, "dies")

    assert [ask(site, "fine") for _ in range(3)] == ["503 Routing Unavailable"] * 3
    assert "Traceback" not in site.kamailio.log()
    site.daemon.start()
    until(lambda: ask(site, "fine") == "200 OK", "it connects again by itself")


@pytest.mark.parametrize("value", ["", "500", "nonsense here", "99 Low", "200 OK\\r\\nX: y"])
def test_an_answer_that_is_none_is_logged_and_the_default_one_is_given(start: Start, value: str) -> None:
    site = start(f'kemi_on_error = "{value}"\n', patient=WITHOUT_DAEMON, daemon=False)

    assert ask(site, "throws") == FAILED
    assert "kemi_on_error: expected" in site.kamailio.log()


@pytest.mark.parametrize("is_pinned", [False, True])
def test_a_new_build_is_live_for_the_next_request_unless_it_is_pinned(start: Start, *, is_pinned: bool) -> None:
    site = start(f"kemi_pinned = {str(is_pinned).lower()}\n")
    build = site.script.read_bytes()
    assert ask(site, "fine") == "200 OK"
    answers = []

    for reason in ("KO", "ok"):
        site.script.with_suffix(".new").write_bytes(build.replace("OK".encode("utf-16-le"), reason.encode("utf-16-le")))
        site.script.with_suffix(".new").rename(site.script)
        answers.append(ask(site, "fine"))

    assert answers == (["200 OK"] * 2 if is_pinned else ["200 KO", "200 ok"])
    if is_pinned:
        assert site.daemon is not None
        app_mono("reset", "--socket", str(site.daemon.socket))
        until(lambda: ask(site, "fine") == "200 ok", "the new build is served after the reset")


def test_a_script_without_a_request_route_is_a_failure(start: Start) -> None:
    site = start(script=ROOT / "examples" / "MySRTest.cs")

    assert [ask(site, "fine") for _ in range(3)] == [FAILED] * 3
    assert site.kamailio.log().count("has no entry 'ksr_request_route', a public static method") == 3


def test_a_reload_reads_the_settings_again_and_loses_no_request(start: Start) -> None:
    site = start()
    assert site.daemon is not None
    before = ask(site, "throws")
    config = site.daemon.config
    config.write_text(f'kemi_on_error = "503 Later"\n{config.read_text("utf-8")}', "utf-8")

    site.reload()

    assert [before, ask(site, "throws"), ask(site, "fine")] == [FAILED, "503 Later", "200 OK"]


def printed(program: str, *words: str) -> list[str]:
    """What a program prints that has app_mono_kemi.py as ``kemi``, without a Kamailio."""
    before = (
        "import sys, types; sys.path.insert(0, sys.argv[1]); ksr = sys.modules['KSR'] = types.ModuleType('KSR');"
        "ksr.log = lambda *_: None; ksr.x = types.SimpleNamespace(modf=None);"
        "names = 'get sets seti append append_to_reply remove'.split();"
        "ksr.pv = ksr.hdr = types.SimpleNamespace(**dict.fromkeys(names));"
        "import app_mono_kemi as kemi\n"
    )
    command = [sys.executable, "-c", f"{before}{program}", str(ROOT / "kamailio"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_what_answers_is_known_by_its_whole_name() -> None:
    """A query of a web service is no answer to the caller, though http_async_client has a function of that name."""
    program = "host = kemi._Host(None)\nfor name in sys.argv[2:]: host.done = {name}; print(host.is_answered)"
    names = ["http_client.query", "sqlops.sql_query_async", "tm.t_drop_replies", "http_async_client.query", "forward"]

    told = printed(program, *names, "tm.t_relay", "sl_send_reply")

    assert told == ["False"] * 3 + ["True"] * 4


@pytest.mark.parametrize("asked", ["kemi.mod_init()", "kemi"])
def test_a_name_has_one_function_and_a_process_keeps_a_few_hundred(asked: str) -> None:
    program = (
        f"asked = {asked}; first = asked.no_such\n"
        "for _ in range(1000): print(asked.no_such is first and asked.no_such is not asked.__none is not None)\n"
        "for number in range(1000): getattr(asked, f'name_{number}')\n"
        "print(kemi._function.cache_info().currsize == kemi._MOST_NAMES)"
    )

    assert set(printed(program)) == {"True"}
