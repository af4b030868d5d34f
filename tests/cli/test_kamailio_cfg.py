"""What ``app-mono kamailio-cfg`` prints, and that a real Kamailio takes it."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from runner import installed
from runner.cli.kamailio_cfg import lines, service
from tests.cli.commands import app_mono
from tests.kamailio.rig import Kamailio, free_udp_port, preamble


@pytest.mark.parametrize("kemi", [False, True])
def test_kamailio_accepts_the_lines_to_paste(tmp_path: Path, *, kemi: bool) -> None:
    port = free_udp_port()
    cfg = preamble(port, ["sl", "pv"]) + lines(kemi=kemi, toml_only=False)
    cfg += "" if kemi else "request_route { route(SCRIPT); }\n"

    told = Kamailio(cfg, tmp_path, port).check()

    assert told.startswith("accepted"), told


def test_a_routing_script_in_c_sharp_takes_the_one_commented_line_instead() -> None:
    shown = lines(kemi=True, toml_only=False)

    (instead,) = [line for line in shown.splitlines() if line.startswith("# modparam(") and "app_mono_kemi.py" in line]
    assert Path(instead.split('"')[5]).is_file()


def test_the_settings_to_paste_are_toml() -> None:
    done = app_mono("kamailio-cfg", "--toml")

    assert tomllib.loads(done.stdout) == {"script_dirs": ["/etc/kamailio/mono"], "max_workers": 17}


@pytest.mark.parametrize("kemi", [False, True])
@pytest.mark.parametrize("are_there", [False, True])
def test_the_settings_are_in_the_lines_too_as_a_comment_unless_there_are_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, kemi: bool, are_there: bool
) -> None:
    monkeypatch.setattr(installed, "CONFIG", tmp_path / "app-mono.toml")
    if are_there:
        installed.CONFIG.touch()
    settings = lines(kemi=kemi, toml_only=True)

    shown = lines(kemi=kemi, toml_only=False)

    comment = "".join(f"#   {line}".rstrip() + "\n" for line in settings.splitlines())
    assert [comment in shown, "app-mono.service" in shown] == [not are_there] * 2


@pytest.mark.parametrize("kemi", [False, True])
def test_for_app_python3s_each_line_names_that_module(*, kemi: bool) -> None:
    shown = lines(kemi=kemi, toml_only=False, app_python3s=True)

    assert 'loadmodule "app_python3s.so"' in shown
    assert "app_python3.so" not in shown
    assert ("app_mono_s.MESSAGE" if kemi else '(!app_python3s_exec("mono_exec", ') in shown
    assert ("cfgengine" in shown) is kemi


def test_without_a_kamailio_the_usual_place_is_shown_and_said_to_be_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "MODULES", ())

    shown = lines(kemi=False, toml_only=False)

    assert 'mpath="/usr/lib/kamailio/modules/"  # expected here: app_python3.so was found nowhere\n' in shown


@pytest.mark.parametrize("is_there", [False, True])
def test_the_unit_starts_the_command_that_is_beside_this_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there: bool
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    if is_there:
        (tmp_path / "app-mono").touch()

    commands = [line for line in service().splitlines() if line.startswith("Exec")]

    command = tmp_path / "app-mono" if is_there else Path("/usr/local/bin/app-mono")
    assert [line.split()[0].partition("=")[2] for line in commands] == [str(command)] * 2


def test_the_service_option_prints_the_unit_alone() -> None:
    assert app_mono("kamailio-cfg", "--service").stdout == service()
