"""runner.migrate.change: modules, parameters and conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.migrate.configurations import changed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('loadmodule "app_mono.so"', 'loadmodule "app_python3.so"'),
        ("loadmodule 'app_mono'", "loadmodule 'app_python3'"),
        ('loadmodule  "/opt/modules/app_mono.so"', 'loadmodule  "/opt/modules/app_python3.so"'),
        ('loadmodule "/opt/app_mono/app_mono.so"', 'loadmodule "/opt/app_python3/app_python3.so"'),
        ('loadmodulex "app_mono.so"', 'loadmodulex "app_python3.so"'),
    ],
)
def test_the_module_is_replaced_and_given_its_script(tmp_path: Path, old: str, new: str) -> None:
    text, found = changed(tmp_path, f"{old}  # C#\nroute {{ }}\n")

    assert text == f'{new}  # C#\nmodparam("app_python3", "load", "/opt/app_mono.py")\nroute {{ }}\n'
    assert found.open == ()


def test_a_module_that_is_there_already_is_not_loaded_twice(tmp_path: Path) -> None:
    text, found = changed(tmp_path, 'loadmodule "app_python3.so"\nloadmodule "app_mono.so"\n')

    assert text.count('"app_python3.so"') == 1
    assert text.index("modparam") > text.index("loadmodule")
    assert found.open == ()


def test_a_module_that_another_branch_loads_is_loaded_here_too(tmp_path: Path) -> None:
    text, _ = changed(tmp_path, '#!ifdef A\nloadmodule "app_python3"\n#!endif\nloadmodule "app_mono"\n')

    assert text.count('loadmodule "app_python3"') == 2


def test_a_script_of_the_site_is_kept_and_the_finding_says_how_to_import_ours(tmp_path: Path) -> None:
    own = 'loadmodule "app_python3.so"\nmodparam("app_python3", "load", "/etc/my.py")\nloadmodule "app_mono.so"\n'

    text, found = changed(tmp_path, own)

    assert text.count("modparam") == 1
    (finding,) = found.open
    assert finding.line == 2
    assert "import app_mono" in finding.text
    assert "/etc/my.py" in finding.text


def test_the_script_to_load_goes_to_the_daemon_s_settings(tmp_path: Path) -> None:
    text, found = changed(tmp_path, 'modparam("app_mono", "load", "/a/My.exe")\nmono_run();')

    assert text.splitlines()[0].startswith("# app_mono's script")
    assert 'load = "/a/My.exe"' in text.splitlines()[0]
    assert 'load = "/a/My.exe"' in found.settings.splitlines()
    assert 'script_dirs = ["/a"]' in found.settings.splitlines()
    assert found.open == ()


def test_what_follows_a_modparam_on_its_line_stays_alive(tmp_path: Path) -> None:
    text, _ = changed(tmp_path, 'modparam("app_mono", "load", "/a/My.exe") debug=3\n')

    assert text.startswith("/*")
    assert text.endswith("*/ debug=3\n")


def test_a_condition_on_the_module_is_one_on_the_new_module(tmp_path: Path) -> None:
    text, _ = changed(tmp_path, "#!ifdef MOD_app_mono\nx\n#!endif\n")

    assert text.startswith("#!ifdef MOD_app_python3\n")


def test_calls_in_a_definition_and_in_both_branches_are_translated(tmp_path: Path) -> None:
    old = '#!define CALL mono_exec("/a/x.exe", "p")\n#!ifdef A\nmono_run();\n#!else\nmono_run("x");\n#!endif\n'

    text, found = changed(tmp_path, old)

    assert '#!define CALL python_exec("mono_exec", "/a/x.exe p")' in text
    assert (text.count('"mono_run"'), found.calls, found.open) == (2, 3, ())
