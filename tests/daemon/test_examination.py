"""daemon.examination: a daemon says of itself what doctor would, and again when its settings were read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.admin import request
from runner.control.messages import ReloadAnswer, ReloadRequest, StatusRequest
from runner.control.status import Status
from tests.programs import until
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from pathlib import Path


def found(daemon: RunningDaemon) -> dict[str, tuple[str, str]]:
    """The verdict and the text of each check."""
    return {one.check: (one.verdict, one.text) for one in request(str(daemon.socket), StatusRequest, Status).checks}


def test_a_daemon_says_what_it_finds_of_itself_and_again_after_a_reload(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, '[runtimes.java]\ncommand = ["no-such-java"]\n') as daemon:
        until(lambda: bool(found(daemon)), "it has looked")
        first = found(daemon)
        daemon.config.write_text(daemon.config.read_text("utf-8").replace("[runtimes", "max_workers = 3\n[runtimes"))
        request(str(daemon.socket), ReloadRequest, ReloadAnswer)
        until(lambda: "max_workers" in found(daemon)["settings"][1], "it has looked again")

    assert first["mono"][0] == "ok"
    assert first["java"][0] == "none"
    assert "no-such-java is not installed" in first["java"][1]
    assert first["group"] == ("ok", "a session and a process group of its own, which end as a whole")
    assert "max_workers" not in first["settings"][1]
