"""``app-mono ksr``: which functions the KSR.dll has that it writes, and what it says of it."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner import build, installed
from runner.cli.ksr import described, list_all, write
from runner.cli.outcome import TRUE
from runner.cli.private_kamailio import Kamailio, free_port, preamble
from runner.errors import BuildError
from tests.cli.commands import app_mono
from tests.programs import MCS
from tools.ksr import record

if TYPE_CHECKING:
    from pathlib import Path

CALLS = 'class X { static int Main() { SR.KSR.info(""); return SR.KSR.tm.t_relay() + SR.KSR.htable.sht_reset("a"); } }'


def compiled(directory: Path) -> list[tuple[str, str]]:
    """What mcs says of a program that calls tm and htable, with the KSR.dll of this directory."""
    (directory / "X.cs").write_text(CALLS, "utf-8")
    command = [MCS, f"-r:{build.ensure_bridge().sr_dll}", "-r:KSR.dll", "X.cs"]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    return re.findall(r"error (CS\d+): `SR\.KSR' does not contain a definition for `(\w+)'", done.stderr + done.stdout)


def test_without_a_kamailio_it_has_every_function(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, from_kamailio=False, rpc=None)

    made, sr = f"{tmp_path}/KSR.dll", build.ensure_bridge().sr_dll
    assert capsys.readouterr().out == f"{made}: 1353 functions; mcs -r:{sr} -r:{made} SCRIPT.cs\n"
    assert compiled(tmp_path) == []
    assert "M:SR.KsrModules.TmModule.t_relay" in (tmp_path / "KSR.xml").read_text("utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"KSR.dll", "KSR.xml", "X.cs", "X.exe"}


def test_a_module_that_a_kamailio_has_not_loaded_does_not_compile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place, python = tmp_path / "kamailio", installed.module()
    place.mkdir()
    (place / "script.py").write_text(record.SCRIPT, "ascii")
    with free_port(record.PORT) as port:
        cfg = preamble(port, ["tm", "ctl", python]) + f'modparam("{python}", "load", "{place}/script.py")\n'
        cfg += f'modparam("ctl", "binrpc", "unix:{place}/ctl")\nrequest_route {{\n\texit;\n}}\n'
        with Kamailio(cfg, place, port):
            write(tmp_path, from_kamailio=True, rpc=f"unix:{place}/ctl")

    told = capsys.readouterr().out
    assert re.match(rf"{tmp_path}/KSR\.dll: \d+ functions; ", told)
    assert "left out" not in told
    assert compiled(tmp_path) == [("CS0117", "htable")]


def test_what_this_app_mono_does_not_know_is_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kamcmd = tmp_path / "kamcmd"
    names = ["module: tm\nname: t_relay", *(f"module: mine\nname: f{number}" for number in range(12))]
    said = "".join(f"func: {{\nret: int\n{name}\nparams: none\n}}\n" for name in names)
    kamcmd.write_text(f"#!/bin/sh\ncat <<'END'\n{said}END\n", "utf-8")
    kamcmd.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    write(tmp_path, from_kamailio=True, rpc=None)

    told = capsys.readouterr().out
    assert told.startswith(f"{tmp_path}/KSR.dll: 1 functions; ")
    assert "left out, because this app-mono does not know them: mine.f0, mine.f1, mine.f10, " in told
    assert told.endswith(" and 2 more\n")


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=f"{tmp_path}/none/KSR.dll: expected to write it there"):
        write(tmp_path / "none", from_kamailio=False, rpc=None)


def test_the_list_has_what_is_known_of_a_function() -> None:
    assert list(described("tm.t_relay_to_flags")) == [
        {
            "function": "tm.t_relay_to_flags",
            "module": "tm.so",
            "signature": "int tm.t_relay_to_flags(int rflags)",
            "versions": "5.6, 6.0",
            "is_embedded": False,
            "refused": None,
        }
    ]


def test_the_list_is_of_all_functions_or_of_those_whose_names_match() -> None:
    def names(containing: str = "") -> set[str]:
        return {row["function"] for row in described(containing)}

    assert len(names()) == 1353
    assert names("KSR.tm.t_on_*") == names("tm.T_on_") == {
        "tm.t_on_branch", "tm.t_on_branch_failure", "tm.t_on_failure", "tm.t_on_reply",
    }  # fmt: skip
    assert names("set_dro") == {"set_drop"}


def test_the_list_says_what_is_here_and_what_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("pv.gete", "exec.exec_cmd", "siputils.is_sip"):
        assert list_all(name, as_json=False) == TRUE

    assert [re.split(r"  +", line.rstrip()) for line in capsys.readouterr().out.splitlines()[1::2]] == [
        ["xval pv.gete(str pvn)", "core", "5.6, 6.0", "yes"],
        ["int exec.exec_cmd(str cmd)", "exec.so", "5.6, 6.0", "no: --answer", "yes"],
        ["int siputils.is_sip()", "siputils.so", "6.0", "yes"],
    ]


def test_the_list_is_for_programs_too() -> None:
    done = app_mono("ksr", "list", "tm.t_on_*", "--json")

    assert json.loads(done.stdout) == list(described("tm.t_on_*"))


def test_a_filter_that_nothing_matches_is_said() -> None:
    done = app_mono("ksr", "list", "no_such_thing")

    assert (done.returncode, done.stdout, done.stderr) == (
        1, "", "no function of KSR has 'no_such_thing' in its name\n",
    )  # fmt: skip


def test_options_of_the_dll_are_refused_with_the_list() -> None:
    done = app_mono("ksr", "--from-kamailio", "list")

    assert done.returncode == 2
    assert "leave out the command" in done.stderr
