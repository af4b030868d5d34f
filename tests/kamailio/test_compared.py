"""``app-mono exec --compare``, with a real Kamailio: what it says of agreement, of differences, and of failures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from runner import installed
from tests.cli.commands import OTHER, SAMPLE, app_mono, message, script
from tests.places import MESSAGE

if TYPE_CHECKING:
    from pathlib import Path


def test_where_nothing_differs_it_says_so() -> None:
    done = app_mono("exec", SAMPLE, 'to "$rU"', "-m", MESSAGE, "--compare")

    assert (done.returncode, done.stdout.split()[:2], done.stderr) == (0, ["no", "difference"], "")


def test_a_difference_is_shown_with_both_values(tmp_path: Path) -> None:
    source = script(tmp_path, 'SR.PV.GetS("$ru"); SR.PV.GetS("$rz"); SR.PV.SetS("$rU", "5"); return 0;')
    schemes = {"5.6": ("tel", "sip"), "6.0": ("tels", "sips")}
    (ours, our_scheme), (theirs, their_scheme) = schemes[OTHER], schemes[installed.version()]

    done = app_mono("exec", source, "-m", message(tmp_path), "--compare", APP_MONO_KAMAILIO=OTHER)

    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[:3] == ['PV.GetS("$rz")', f'here "{ours}"', f'in Kamailio "{theirs}"']
    assert f"-INVITE {our_scheme}:5@example.com;user=phone SIP/2.0" in lines
    assert f"+INVITE {their_scheme}:5@example.com;user=phone SIP/2.0" in lines
    assert done.returncode == 1


def test_the_differences_are_there_for_programs_too(tmp_path: Path) -> None:
    source = script(tmp_path, 'return SR.PV.GetS("$rz") == "tel" ? 0 : 1;')

    done = app_mono("exec", source, "-m", message(tmp_path), "--compare", "--json", APP_MONO_KAMAILIO=OTHER)

    found = json.loads(done.stdout)["differences"]
    assert [row["what"] for row in found] == ['PV.GetS("$rz")', "result"]
    assert {found[1]["here"], found[1]["kamailio"]} == {"true, exit code 0", "false, exit code 1"}


def test_it_is_2_where_one_of_them_could_not_run() -> None:
    done = app_mono("exec", SAMPLE, "$nosuch", "-m", MESSAGE, "--compare")

    assert done.returncode == 2
    assert "$nosuch" in done.stderr


ABORTS = '[System.Runtime.InteropServices.DllImport("libc")] static extern void abort();'


@pytest.mark.parametrize(
    ("body", "how"),
    [
        ("while (true) { }", "it was not done in time"),
        ('while (true) SR.PV.GetS("$ru");', "it was not done in time"),
        (
            'while (true) { SR.HDR.Append("X-A: 1\\r\\n"); System.Threading.Thread.Sleep(20); }',
            "it was not done in time",
        ),
        ('throw new System.Exception("boom");', "System.Exception: boom"),
        ("abort(); return 0;", "the process ended"),
    ],
)
def test_a_run_that_fails_alike_in_both_is_no_agreement(tmp_path: Path, body: str, how: str) -> None:
    """It said "no difference", or the runner's own read of $ci was one, or the signal that only one of them names."""
    source = tmp_path / "X.cs"
    source.write_text(f"class X {{ {ABORTS} static int Main() {{ {body} }} }}\n", encoding="utf-8")

    done = app_mono("exec", source, "-m", message(tmp_path), "--compare", "--timeout", "1", "--json")

    value = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (2, "")
    assert (value["differences"], set(value["results"].values())) == ([], {f"failed: {how}"})


def test_where_nothing_is_to_be_compared_only_the_error_is_printed(tmp_path: Path) -> None:
    source = tmp_path / "X.cs"
    source.write_text('class X { static int Main() { throw new System.Exception("boom"); } }\n', encoding="utf-8")

    done = app_mono("exec", source, "-m", message(tmp_path), "--compare")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].endswith("here and in Kamailio alike: failed: System.Exception: boom")


def test_a_hash_table_of_the_settings_is_there_in_both(tmp_path: Path) -> None:
    calls = 'SR.PV.SetI("$sht(calls=>a)", 4); SR.PV.GetI("$shtinc(calls=>a)"); SR.PV.SetI("$sht(none=>a)", 4)'

    done = app_mono(
        *("exec", script(tmp_path, f"{calls}; return 0;"), "-m", message(tmp_path), "--compare"),
        APP_MONO_HASH_TABLES='["calls"]',
    )

    assert (done.returncode, done.stdout.split()[:5], done.stderr) == (
        0,
        ["no", "difference", "3", "calls,", "the"],
        "",
    )
