"""``app-mono exec --in-kamailio --entry``: one method of a routing script (KEMI), and what it did there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.cli.commands import app_mono
from tests.places import MESSAGE, ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_an_entry_runs_there_and_may_end_the_routing(tmp_path: Path) -> None:
    """An exit was false there and true without Kamailio."""
    path = tmp_path / "X.cs"
    path.write_text(
        'using SR; public class X { public static void route() { KSR.info(KSR.pv.get("$rm")); KSR.x.exit(); } }',
        "utf-8",
    )

    done = app_mono("exec", path, "-m", MESSAGE, "--entry", "route", "--compare")
    missing = app_mono("exec", path, "-m", MESSAGE, "--entry", "reply", "--in-kamailio")

    assert (done.returncode, done.stdout.split()[:3]) == (0, ["no", "difference", "2"]), done.stderr
    assert (missing.returncode, missing.stderr) == (2, f"error: {path}: there is no entry 'reply'\n")


def test_the_routing_script_of_the_examples_runs_there_and_what_it_did_is_shown() -> None:
    words = ("exec", ROOT / "kamailio" / "Registrar.cs", "-m", MESSAGE, "--entry", "ksr_request_route", "--in-kamailio")

    value = json.loads(app_mono(*words, "--json").stdout)
    done = app_mono(*words)

    assert (done.returncode, value["error"]) == (0, None)
    assert value["functions"][-1] == {
        "function": "KSR.sl.sl_send_reply",
        "arguments": [403, "Not relaying"],
        "result": 1,
    }
    lines = done.stdout.splitlines()
    assert lines[-1].split(maxsplit=1) == ["KSR.sl.sl_send_reply(403,", '"Not relaying")  1']
    assert next(line.split()[0] for line in lines if "KSR." in line) == "functions"


def test_a_header_for_the_reply_is_shown_whoever_appends_it(tmp_path: Path) -> None:
    """The second one is no certain edit: a function of Kamailio ran before it."""
    path = tmp_path / "X.cs"
    adds = 'KSR.hdr.append_to_reply("X-A: 1\\r\\n"); KSR.force_rport(); KSR.hdr.append_to_reply("X-B: 2\\r\\n");'
    path.write_text(f"using SR; public class X {{ public static void route() {{ {adds} }} }}", "utf-8")

    done = app_mono("exec", path, "-m", MESSAGE, "--entry", "route", "--in-kamailio", "--json")

    value = json.loads(done.stdout)
    assert value["reply_headers"] == ["X-A: 1\r\n", "X-B: 2\r\n"]
    assert value["functions"] == [{"function": "KSR.force_rport", "arguments": [], "result": True}]
