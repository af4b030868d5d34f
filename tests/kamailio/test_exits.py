"""KSR.x.exit() and drop() of a script, in a real Kamailio: they end its routing script as well."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from runner.build import ensure_bridge
from tests.kamailio.test_app_mono import Site
from tests.programs import MCS, WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

# SR.dll lets in an assembly of the name KSR alone, so the program itself has that name.
PROGRAM = """
using SR;
public class Ends {
    static int Main(string[] args) {
        if (args[0] != "goes_on") { Host.Current.Exit(args[0] == "drops"); }
        return 0;
    }
}
"""
ROUTE = """
request_route {{
    sl_send_reply("181", "Before");
    python_exec("mono_exec", "{script} $rU");
    sl_send_reply("480", "After");
}}
"""


def program(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "KSR.cs").write_text(PROGRAM, encoding="utf-8")
    path = directory / "KSR.exe"
    command = [MCS, f"-r:{ensure_bridge().sr_dll}", f"-out:{path}", str(directory / "KSR.cs")]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.mark.parametrize("user", ["exits", "drops"])
def test_the_routing_script_ends_with_the_script(tmp_path: Path, user: str) -> None:
    with ExitStack() as stack:
        site = Site(tmp_path, stack)
        site.start(ROUTE.format(script=program(site.daemon.scripts)))

        for one in (user, "goes_on"):  # one process of Kamailio: what comes for the first is there before the second
            site.peer.send(site.peer.request(uri=f"sip:{one}@example.com", call_id=one))
        answers = [site.peer.receive(WAIT_S) or b"" for _ in range(3)]

    assert [answer.split(b"\r\n")[0] for answer in answers] == [
        b"SIP/2.0 181 Before", b"SIP/2.0 181 Before", b"SIP/2.0 480 After",
    ], site.kamailio.log()  # fmt: skip
