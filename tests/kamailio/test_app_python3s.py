"""kamailio/app_mono_s.py in a real Kamailio 6: what app_python3s does, beside what app_python3 does there."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from runner.cli.kamailio_cfg import lines
from tests.kamailio.rig import Kamailio, free_udp_port, has_module, preamble
from tests.kamailio.routes import HERE, Place, ours, place, running
from tests.kamailio.test_app_mono import KAMCMD, PATIENT, Site
from tests.kamailio.test_kamailio_host import CASES, PLAYER, Played, play, read
from tests.places import ROOT
from tests.programs import WAIT_S, until
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["place"]

pytestmark = pytest.mark.skipif(
    not has_module("app_python3s"),
    reason="this Kamailio has no app_python3s, which came with 5.7: make test-debian13 has one",
)
OURS = ROOT / "kamailio" / "app_mono_s.py"


class SiteS(Site):
    """As there, with app_python3s."""

    python = "app_python3s"
    script = OURS


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteS]:
    with ExitStack() as stack:
        yield SiteS(tmp_path, stack)


def test_path_and_parameter_are_those_of_app_python3(site: SiteS) -> None:
    script = compiled(
        site.daemon.scripts,
        "Wants",
        'static int Main(string[] a) { return (a.Length == 0 ? "none" : "[" + a[0] + "]") == PV.GetS("$hdr(Subject)")'
        " ? 0 : 1; }",
    )
    blank = script.with_name("With blank.exe")
    blank.write_bytes(script.read_bytes())
    site.start(
        f"""
        switch ($rU) {{
            case "none": app_python3s_exec("mono_exec", "{script}"); break;
            case "empty": app_python3s_exec("mono_exec", "{script} "); break;
            case "blanks": app_python3s_exec("mono_exec", "{script}  a $rU "); break;
            case "quoted": app_python3s_exec("mono_exec", "\\"{blank}\\" p"); break;
            case "nopath": app_python3s_exec("mono_exec"); break;
        }}"""
    )
    wanted = {"none": "none", "empty": "[]", "blanks": "[ a blanks ]", "quoted": "[p]"}

    results = {
        user: site.result(f"sip:{user}@example.com", f"Subject: {text}\r\n")
        for user, text in (wanted | {"nopath": "none"}).items()
    }

    assert results == dict.fromkeys(wanted, 1) | {"nopath": -1}, site.kamailio.log()
    assert "Traceback" not in site.kamailio.log()


def test_mono_run_runs_what_load_names(site: SiteS) -> None:
    script = compiled(site.daemon.scripts, "Loaded", "static int Main(string[] a) { return a.Length; }")
    site.start(
        'if ($rU == "none") app_python3s_exec("mono_run"); else app_python3s_exec("mono_run", "$rU");',
        settings=f'{PATIENT}load = "{script}"\n',
    )

    assert [site.result("sip:none@example.com"), site.result("sip:one@example.com")] == [1, -1]


@pytest.fixture(scope="module")
def sides(place: Place, tmp_path_factory: pytest.TempPathFactory) -> list[Played]:
    """The same calls with app_python3, then with app_python3s."""
    played = []
    for python, player, call in (
        ("app_python3", PLAYER, "python_exec"),
        ("app_python3s", HERE / "plays_steps_s.py", "app_python3s_exec"),
    ):
        directory = tmp_path_factory.mktemp(python)
        cfg = ours(player, f'{call}("play", "{directory}/{{route}}")', place.sink.port, place.port, python)
        with running(cfg, directory, place.port) as kamailio:
            played.append({name: play(place, kamailio, name, case) for name, case in CASES.items()})
    return played


@pytest.mark.parametrize("name", CASES)
def test_a_call_gives_and_does_what_it_does_with_app_python3(sides: list[Played], name: str) -> None:
    steps = CASES[name].steps
    answers = [list(zip(steps, map(read, side[name][0]), strict=True)) for side in sides]

    assert answers[1] == answers[0]
    assert sides[1][name][1] == sides[0][name][1]


def test_modf_is_for_requests_or_replies_there_too(site: SiteS) -> None:
    script = compiled(
        site.daemon.scripts,
        "Functions",
        'static int Main(string[] a) { Core.Log(2, a[0] + ": " + Core.ModF("t_newtran") + " " '
        '+ Core.ModF("record_route") + " " + Core.ModF("no_such") + "\\n"); return 0; }',
    )
    site.start(
        'loadmodule "rr.so"\nrequest_route { '
        f'app_python3s_exec("mono_exec", "{script} request"); t_on_reply("BACK"); '
        '$du = "sip:127.0.0.1:" + $hdr(X-Port); t_relay(); exit; }\n'
        f'onreply_route[BACK] {{ app_python3s_exec("mono_exec", "{script} reply"); }}\n'
    )

    site.peer.send(site.peer.request(headers=f"X-Port: {site.peer.port}\r\n"))
    relayed = site.peer.receive(WAIT_S)
    assert relayed is not None, site.kamailio.log()
    head = [line for line in relayed.split(b"\r\n") if line.startswith((b"Via", b"From", b"To", b"Call-ID", b"CSeq"))]
    site.peer.send(b"\r\n".join([b"SIP/2.0 200 OK", *head, b"Content-Length: 0", b"", b""]))
    answer = site.peer.receive(WAIT_S)

    assert answer is not None
    assert answer.startswith(b"SIP/2.0 200 OK")
    assert b"Record-Route:" in relayed
    log = site.kamailio.log()
    assert "request: 1 1 -127" in log
    assert "reply: -127 " in log
    assert "ModF cannot run 't_newtran': it is for requests, and this message is a reply" in log


def test_a_name_that_is_none_is_false_and_the_next_call_works(site: SiteS) -> None:
    script = compiled(site.daemon.scripts, "Fine", "static int Main() { return 0; }")
    site.start(
        f'if ($rU == "bad") app_python3s_exec("mono_exce", "{script}"); '
        f'else app_python3s_exec("mono_exec", "{script}");'
    )

    results = [site.result(f"sip:{user}@example.com") for user in ("bad", "bob", "bad", "bob")]

    assert results == [-1, 1, -1, 1]


def test_a_reload_reads_the_settings_again_and_loses_no_call(site: SiteS) -> None:
    throws = compiled(site.daemon.scripts, "Throws", 'static int Main() { throw new Exception("boom"); }')
    site.start(f'app_python3s_exec("mono_exec", "{throws}");')
    before = [site.result() for _ in range(3)]
    config = site.daemon.config
    config.write_text(f"on_error = true\n{config.read_text('utf-8')}", "utf-8")

    subprocess.run(
        [KAMCMD, "-s", f"unix:{site.ctl}", "app_python3s.reload"], check=True, capture_output=True, timeout=WAIT_S
    )
    after = [site.result() for _ in range(3)]

    assert (before, after) == ([-1] * 3, [1] * 3)


@pytest.mark.parametrize("body", ["while (true) {}", "Environment.FailFast(null);", 'throw new Exception("x");'])
def test_a_script_that_misbehaves_hurts_only_its_own_run(site: SiteS, body: str) -> None:
    bad = compiled(site.daemon.scripts, "Bad", f"static int Main() {{ {body} return 0; }}")
    fine = compiled(site.daemon.scripts, "Fine", "static int Main() { return 0; }")
    site.start(
        f'if ($rU == "bad") app_python3s_exec("mono_exec", "{bad}"); else app_python3s_exec("mono_exec", "{fine}");',
        settings="num_workers = 2\nallocate_timeout_s = 1.0\nexec_timeout_s = 1.0\n",
    )
    until(site.works, "the worker has started")

    assert site.result("sip:bad@example.com") == -1
    until(site.works, "the next request is served")


ROUTING = """
import app_mono, app_mono_s, KSR
from app_mono_s import mono_exec

def ksr_request_route():
    result = app_mono.mono_exec(app_mono_s.MESSAGE, {script!r}, KSR.pv.get("$rU"))
    KSR.hdr.append_to_reply(f"X-Result: {{result}}\\r\\n")
    KSR.sl.sl_send_reply(200, "OK")
    return 1
"""


def test_a_routing_script_in_python_runs_scripts(site: SiteS) -> None:
    script = compiled(site.daemon.scripts, "Bob", 'static int Main(string[] a) { return a[0] == "bob" ? 0 : 1; }')
    routing = site.directory / "site_routing.py"
    routing.write_text(ROUTING.format(script=str(script)), "utf-8")
    # Site takes a text with this word for a whole routing script.
    site.start('# request_route is in Python\ncfgengine "python"\n', script=routing)

    assert [site.result(f"sip:{user}@example.com") for user in ("bob", "al")] == [1, -1], site.kamailio.log()


@pytest.mark.parametrize("kemi", [False, True])
def test_kamailio_accepts_the_lines_to_paste(tmp_path: Path, *, kemi: bool) -> None:
    port = free_udp_port()
    cfg = preamble(port, ["sl", "pv"]) + lines(kemi=kemi, toml_only=False, app_python3s=True)
    cfg += "" if kemi else "request_route { route(SCRIPT); }\n"

    told = Kamailio(cfg, tmp_path, port).check()

    assert told.startswith("accepted"), told
    assert "app_python3s.so" in cfg
    assert "python_exec(" not in cfg.replace("app_python3s_exec(", "")
