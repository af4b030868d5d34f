"""machine.checks: what a machine has, and what a daemon finds out of itself."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner.control.status import CheckStatus
from runner.errors import ConfigError
from runner.machine import checks
from runner.machine.checks import Trouble, can_write, check, of_daemon, version
from runner.settings import RuntimeSettings, Settings

if TYPE_CHECKING:
    from pathlib import Path


def found(settings: Settings, in_use: list[str]) -> dict[str, tuple[str, str]]:
    """The verdict and the text of each check, of a daemon whose worker is this process."""
    return {one.check: (one.verdict, one.text) for one in of_daemon(settings, in_use, [os.getpid()])}


@pytest.fixture(autouse=True)
def _no_kamailio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "KAMAILIO_CFGS", ())


def test_a_check_that_fails_says_why_and_whether_that_matters() -> None:
    def fails() -> str:
        raise ConfigError("it is wrong")

    assert check("one", lambda: "fine") == CheckStatus(check="one", verdict="ok", text="fine")
    assert check("one", fails) == CheckStatus(check="one", verdict="bad", text="it is wrong")
    assert check("one", fails, is_needed=False).verdict == "none"


def test_a_runtime_that_is_missing_is_to_be_fixed_where_its_scripts_are_served() -> None:
    settings = Settings(runtimes={"node": RuntimeSettings(command=("no-such-node",))})

    verdicts = [found(settings, in_use)["node"] for in_use in ([], ["node"])]

    assert [verdict for verdict, _ in verdicts] == ["none", "bad"]
    assert "no-such-node is not installed: apt-get install --no-install-recommends nodejs" in verdicts[1][1]


def test_a_daemon_says_what_is_set_where_it_writes_and_what_confines_its_workers(tmp_path: Path) -> None:
    told = found(Settings(max_workers=3, script_dirs=(tmp_path,)), ["mono"])

    assert told["settings"] == ("ok", "set: max_workers, script_dirs")
    assert told["mono"][0] == told["temporary"][0] == "ok"
    assert told["scripts"] == ("ok", f"only below {tmp_path}, and not what everybody may write to")
    assert told["sandbox"][0] == "none"  # of this process
    assert "cfg" not in told


def test_where_no_worker_lives_nothing_is_said_of_its_walls() -> None:
    assert checks.confinement(Settings(), [2**22 + 1]) == []


def test_data_in_an_unquoted_path_is_told_where_the_cfg_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = tmp_path / "kamailio.cfg"
    cfg.write_text('route {\n\tpython_exec("mono_exec", "/etc/kamailio/mono/$rU.exe");\n}\n', "utf-8")
    monkeypatch.setattr(checks, "KAMAILIO_CFGS", (str(cfg),))

    verdict, text = found(Settings(), [])["cfg"]

    assert verdict == "none"
    assert text.startswith(f"{cfg}:2: ")


def test_a_program_that_is_missing_or_does_not_run_is_named() -> None:
    with pytest.raises(Trouble, match=r"^install it$"):
        version("no-such-program", missing="install it")
    with pytest.raises(Trouble, match=r"/false does not run: .*; install its package again"):
        version("false", missing="")


def test_a_directory_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(Trouble, match=f"^{tmp_path}/file/x cannot be written .*: set TMPDIR to one that can$"):
        can_write(tmp_path / "file" / "x", "set TMPDIR")
