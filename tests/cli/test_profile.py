"""Where an exec's time goes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

from runner.cli.outcome import Outcome
from runner.cli.profile import PARTS, TimedHost, parts_us, table
from runner.hosts.embedded.host import MessageHost
from tests.cli.commands import app_mono, script
from tests.places import INVITE, MESSAGE

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from runner.calls import Host


def test_a_profile_tells_the_script_from_the_host_and_the_way(tmp_path: Path) -> None:
    sleeps = script(tmp_path, "System.Threading.Thread.Sleep(100); return 0;", "Sleeps")
    asks = script(tmp_path, 'for (int i = 0; i < 200; i++) SR.PV.GetS("$Ts"); return 0;', "Asks")

    slept, asked = (
        json.loads(app_mono("exec", path, "-m", MESSAGE, "--repeat", "3", "--profile", "--json").stdout)["profile_us"]
        for path in (sleeps, asks)
    )
    told = app_mono("exec", asks, "-m", MESSAGE, "--repeat", "3", "--profile").stdout

    assert list(slept) == ["queue", "encode", "wire", "decode", "script", "calls", "edits"]
    assert slept["script"] > 95_000  # it slept for so long at least
    assert slept["calls"] == slept["edits"] == asked["edits"] == 0
    assert asked["calls"] > 0
    assert asked["wire"] > 0
    assert re.search(r"^script +[0-9.]+ us +[0-9]+%  Main itself", told, re.MULTILINE)


def test_the_host_s_time_counts_from_the_moment_the_exec_is_under_way() -> None:
    spent: dict[str, int] = {}
    host = cast("Host", TimedHost(MessageHost(INVITE), spent))

    host.get_s("$ru")
    host.set_s("$rU", "1")
    before = dict(spent)
    spent["encode"] = 1  # the values that travel ahead have been read
    host.get_s("$ru")
    between = dict(spent)
    host.set_s("$rU", "2")

    assert before == {"calls": 0, "edits": 0}
    assert between["calls"] > 0 == between["edits"]
    assert (spent["calls"], spent["edits"] > 0) == (between["calls"], True)


def test_a_host_that_is_timed_answers_as_it_does_otherwise() -> None:
    plain, timed = MessageHost(INVITE), cast("Host", TimedHost(MessageHost(INVITE), {"encode": 1}))

    assert (timed.get_s("$ru"), timed.set_s("$rU", "1"), timed.get_s("$ru")) == (
        plain.get_s("$ru"), plain.set_s("$rU", "1"), plain.get_s("$ru")
    )  # fmt: skip


def test_what_a_turn_took_elsewhere_is_not_the_wire() -> None:
    spent = {"encode": 1000, "turns": 90_000, "decode": 10_000, "script": 20_000, "calls": 3000, "edits": 7000}

    parts = parts_us({"queue": 4, "load": 6, "run": 99, "total": 110}, spent)

    assert parts == {
        "queue": 10, "encode": 1, "wire": 50, "decode": 10, "script": 20, "calls": 3, "edits": 7
    }  # fmt: skip
    assert list(parts) == list(PARTS)
    assert parts_us({"queue": 0, "load": 0}, {"turns": 1, "script": 9})["wire"] == 0


def test_the_table_has_the_median_of_each_part_and_its_share(capsys: pytest.CaptureFixture[str]) -> None:
    def profiled(script: float) -> Outcome:
        return Outcome(ok=True, exit_code=0, error=None, profile_us=dict.fromkeys(PARTS, 0.0) | {"script": script})

    table([profiled(1), profiled(1000), profiled(5), Outcome(ok=True, exit_code=0, error=None)])

    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["script", "5.0", "us", "100%"] in [row[:4] for row in rows]


def test_without_a_profile_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    table([Outcome(ok=True, exit_code=0, error=None)])

    assert capsys.readouterr().out == ""
