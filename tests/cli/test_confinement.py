"""What confines a worker, as ``app-mono doctor`` reads it from the kernel."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.cli.commands import app_mono
from tests.programs import needs_bwrap

if TYPE_CHECKING:
    from pathlib import Path


MEASURES = ("user", "group", "privileges", "limits", "variables", "files", "sandbox", "scripts")


def test_doctor_tells_each_measure_that_confines_a_worker_and_how_to_have_more() -> None:
    done = app_mono("doctor", "--json")
    told = json.loads(done.stdout)
    by_name = {check["check"]: check for check in told["checks"]}

    assert (done.returncode, told["ok"]) == (0, True)
    assert [check["check"] for check in told["checks"] if check["check"] in MEASURES] == list(MEASURES)
    for name in ("group", "privileges", "limits", "variables", "files"):
        assert by_name[name]["verdict"] == "ok", by_name[name]
    assert "core files 0, open files 256" in by_name["limits"]["text"]
    assert by_name["sandbox"]["verdict"] == by_name["user"]["verdict"] == by_name["scripts"]["verdict"] == "none"
    assert re.search("worker_user", by_name["user"]["text"])
    assert re.search('set sandbox = "bwrap"|not possible here|bubblewrap', by_name["sandbox"]["text"])


@needs_bwrap
def test_doctor_sees_the_sandbox_of_a_worker(tmp_path: Path) -> None:
    config = tmp_path / "app-mono.toml"
    config.write_text(f'sandbox = "bwrap"\nscript_dirs = ["{tmp_path}"]\n', "utf-8")

    done = app_mono("doctor", "--config", str(config))

    assert re.search(r"^ok +sandbox +bwrap: ", done.stdout, re.MULTILINE), done.stdout
    assert re.search(rf"^ok +scripts +only below {tmp_path}", done.stdout, re.MULTILINE), done.stdout
