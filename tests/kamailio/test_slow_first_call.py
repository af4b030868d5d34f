"""A script that is slow the first time, in a real Kamailio in traffic."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble
from tests.places import ROOT
from tests.programs import WAIT_S
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from pathlib import Path

SLOW = """static object s_table;
    static int Main() {{ if (s_table == null) {{ Thread.Sleep({0}); s_table = new object(); }} return 0; }}"""
PAUSE_S = 0.02
CHILDREN = 4


def traffic(directory: Path, milliseconds: int, settings: str, is_over: object) -> tuple[list[tuple[bool, float]], str]:
    """Requests one after the other until ``is_over`` says so: whether each was true, and how long it took; the log."""
    answers: list[tuple[bool, float]] = []
    with RunningDaemon(directory, f"num_workers = 4\nmax_workers = 8\n{settings}") as daemon:
        script = compiled(daemon.scripts, "Slow", SLOW.format(milliseconds))
        port = free_udp_port()
        cfg = preamble(port, ["kex", "sl", "pv", "app_python3"], children=CHILDREN)
        cfg += f'modparam("app_python3", "load", "{ROOT}/kamailio/app_mono.py")\n'
        cfg += f'request_route {{\n\tif (python_exec("mono_exec", "{script}")) sl_send_reply("200", "OK");\n'
        cfg += '\telse sl_send_reply("200", "False");\n}\n'
        env = {"APP_MONO_CONFIG": str(daemon.config)}
        with Kamailio(cfg, directory / "kamailio", port, env) as kamailio, Peer(port) as peer:
            ends = time.monotonic() + WAIT_S
            while time.monotonic() < ends and not is_over(answers, daemon.log()):  # type: ignore[operator]
                began = time.monotonic()
                reply = peer.ask(peer.request(call_id=f"slow-{len(answers)}")) or b""
                answers.append((b"200 OK" in reply, time.monotonic() - began))
                assert b"SIP/2.0 200" in reply
                time.sleep(PAUSE_S)
        log = daemon.log() + kamailio.log()
    return answers, log


@pytest.mark.parametrize("milliseconds", [1500, 3000])
def test_the_first_callers_are_answered_in_time_and_all_others_as_soon_as_it_is_warm(
    tmp_path: Path, milliseconds: int
) -> None:
    # More than the 0.4 s of the default: a busy machine may hold up a call for so long.
    answers, log = traffic(
        tmp_path,
        milliseconds,
        "exec_timeout_s = 1.0",
        lambda answers, _: sum(is_true for is_true, _ in answers) >= 10 * CHILDREN,
    )

    trues = [is_true for is_true, _ in answers]
    first = trues.index(True)
    assert not any(trues[:first])
    assert all(trues[first:])
    if milliseconds > 2000:  # a shorter one could be reached by a busy machine alone
        assert max(took for _, took in answers) < milliseconds / 1000, "nobody waited for it"
    assert "warm for" in log
    assert "lost" not in log


def test_what_comes_to_no_end_is_refused_and_kamailio_is_never_held_up(tmp_path: Path) -> None:
    answers, log = traffic(
        tmp_path, 20_000, "first_exec_timeout_s = 1.5", lambda _, log: "Slow.exe: refused for" in log
    )

    assert "Slow.exe: refused for" in log
    assert 1 <= log.count("app_mono: ") < len(answers), "Kamailio's log says why, and not for each call"
    assert "workers run it for the first time" in log
    assert not any(is_true for is_true, _ in answers)
    assert max(took for _, took in answers) < 10.0, "nobody waited for it"
