"""A blank in data ends an unquoted path: what says so, and what it says to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.migrate import migrate, warnings
from tests.running_daemon import app_mono

if TYPE_CHECKING:
    from pathlib import Path


def told(tmp_path: Path, text: str) -> list[str]:
    cfg = tmp_path / "k.cfg"
    cfg.write_text(text, "utf-8")
    return [f"{found.line}: {found.text}" for found in warnings(cfg)]


@pytest.mark.parametrize(
    ("call", "safe"),
    [
        (
            'python_exec("mono_exec", "/m/$(rU).exe")',
            'python_exec("mono_exec", \'"/m/$(rU{s.escape.common}).exe"\')',
        ),
        (
            'app_python3s_exec("mono_exec", "/m/$(hdr(X)).exe $fU")',
            'app_python3s_exec("mono_exec", \'"/m/$(hdr(X){s.escape.common}).exe" $fU\')',
        ),
        (
            'python_exec /* a */ ("mono_exec" , "/m/x$var(n).exe p")',
            'python_exec("mono_exec", \'"/m/x$(var(n){s.escape.common}).exe" p\')',
        ),
    ],
)
def test_data_in_an_unquoted_path_is_named_with_what_to_write(tmp_path: Path, call: str, safe: str) -> None:
    assert told(tmp_path, f"request_route {{\n\t{call};\n}}\n") == [
        f"2: a blank in the data ends the path; write {safe}"
    ]


@pytest.mark.parametrize(
    "call",
    [
        'python_exec("mono_exec", "/m/x.exe $rU")',
        'python_exec("mono_exec", "/m/$$x.exe")',
        'python_exec("mono_exec", \'"/m/$(rU).exe" p\')',
        'python_exec("other", "/m/$(rU).exe")',
        'python_exec("mono_run", "$rU")',
        'python_exec("mono_exec")',
        '# python_exec("mono_exec", "/m/$(rU).exe")',
        "python_exec",
    ],
)
def test_what_is_safe_is_left_alone(tmp_path: Path, call: str) -> None:
    assert told(tmp_path, f"request_route {{\n\t{call}\n}}\n") == []


def test_migrate_tells_it_too_and_leaves_the_call_as_it_is(tmp_path: Path) -> None:
    cfg = tmp_path / "k.cfg"
    cfg.write_text('request_route {\n\tpython_exec("mono_exec", "/m/$(rU).exe");\n}\n', "utf-8")

    found = migrate(cfg, script=tmp_path / "app_mono.py", config=tmp_path / "app-mono.toml")
    done = app_mono("migrate", str(cfg))

    assert found.changed == ()
    assert [(finding.line, finding.is_open) for finding in found.findings] == [(2, False)]
    assert done.returncode == 3
    assert "k.cfg:2" in done.stderr
    assert "a blank in the data ends the path" in " ".join(done.stderr.split())


def test_included_files_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "more.cfg").write_text('route[x] { python_exec("mono_exec", "/m/$(rU).exe"); }\n', "utf-8")

    assert len(told(tmp_path, 'include_file "more.cfg"\n')) == 1
