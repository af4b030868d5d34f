from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests import warm
from tests.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-c", "from runner.cli import main; main()"]
OLD = 'loadmodule "app_mono.so"\nroute {\n\tmono_exec("/a/x.exe", "$rU");\n}\n'
NEW = 'route {\n\tpython_exec("mono_exec", "/a/x.exe $rU");\n}\n'


def app_mono(*words: str, directory: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TERM": "dumb"}
    done = warm.run([*COMMAND, *words], cwd=directory, env=environment, timeout=60)
    assert "Traceback" not in done.stderr + done.stdout
    return done


@pytest.fixture
def cfg(tmp_path: Path) -> Path:
    path = tmp_path / "kamailio.cfg"
    path.write_text(OLD)
    path.chmod(0o640)
    return path


def test_what_is_shown_is_a_patch_that_patch_applies(cfg: Path) -> None:
    shown = app_mono("migrate", "kamailio.cfg", directory=cfg.parent)
    assert shown.returncode == 0
    assert cfg.read_text() == OLD

    program = shutil.which("patch")
    assert program is not None, "patch is not installed: apt-get install patch"
    subprocess.run([program, "-p0", "--quiet"], cwd=cfg.parent, input=shown.stdout, text=True, check=True, timeout=60)

    assert cfg.read_text().endswith(NEW)
    assert tomllib.loads((cfg.parent / "app-mono.toml").read_text())["script_dirs"] == ["/a"]


def test_write_makes_the_change_and_keeps_the_old_file_and_the_mode(cfg: Path) -> None:
    done = app_mono("migrate", "kamailio.cfg", "--write", directory=cfg.parent)

    assert done.returncode == 0, done.stderr
    assert cfg.read_text().endswith(NEW)
    assert (cfg.parent / "kamailio.cfg.bak").read_text() == OLD
    assert [path.stat().st_mode & 0o777 for path in (cfg, cfg.parent / "kamailio.cfg.bak")] == [0o640, 0o640]
    assert sorted(path.name for path in cfg.parent.iterdir()) == ["app-mono.toml", "kamailio.cfg", "kamailio.cfg.bak"]
    assert app_mono("migrate", "kamailio.cfg", directory=cfg.parent).returncode == 3


def test_write_overwrites_neither_a_kept_file_nor_settings(cfg: Path) -> None:
    (cfg.parent / "app-mono.toml").write_text("# mine\n")
    (cfg.parent / "kamailio.cfg.bak").write_text("older\n")

    refused = app_mono("migrate", "kamailio.cfg", "--write", directory=cfg.parent)
    (cfg.parent / "kamailio.cfg.bak").unlink()
    done = app_mono("migrate", "kamailio.cfg", "--write", directory=cfg.parent)

    assert (refused.returncode, "kamailio.cfg.bak already exists" in refused.stderr) == (2, True)
    assert (done.returncode, (cfg.parent / "app-mono.toml").read_text()) == (0, "# mine\n")
    assert 'script_dirs = ["/a"]' in done.stderr


def test_a_link_to_a_cfg_stays_a_link(cfg: Path) -> None:
    link = cfg.parent / "link.cfg"
    link.symlink_to(cfg.name)

    assert app_mono("migrate", "link.cfg", "--write", directory=cfg.parent).returncode == 0

    assert link.is_symlink()
    assert cfg.read_text().endswith(NEW)


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("mono_exec($var(x));\n", 1, "kamailio.cfg:1: mono_exec: Kamailio 5.6 refuses"),
        ("route { }\n", 3, "does not use app_mono"),
    ],
)
def test_the_exit_status_says_what_is_left(cfg: Path, text: str, status: int, told: str) -> None:
    cfg.write_text(text)

    done = app_mono("migrate", "kamailio.cfg", directory=cfg.parent)

    assert (done.returncode, told in done.stderr) == (status, True)


def test_a_cfg_that_is_not_there_is_status_2(tmp_path: Path) -> None:
    done = app_mono("migrate", "gone.cfg", directory=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
