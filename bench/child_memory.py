"""
How much more memory one Kamailio process needs with our side than without: `python -m bench.child_memory`.

It starts two Kamailios with four children each. One loads app_python3 with an empty script, the other with app_mono.py
and a daemon. Each child answers 50 OPTIONS first. Then the private memory of the children is compared (smaps_rollup,
Private_Clean + Private_Dirty).
"""

from __future__ import annotations

import re
import statistics
import sys
import tempfile
from pathlib import Path

from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble
from tests.places import ROOT
from tests.running_daemon import RunningDaemon, compiled

CHILDREN, REQUESTS = 4, 200
EMPTY = """
class Methods:
    def child_init(self, rank):
        return 0
    def mono_exec(self, msg, arguments):
        return 1
def mod_init():
    return Methods()
"""


def private_kib(pid: int) -> int:
    """Private memory of one process, in KiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(kib) for kib in re.findall(r"^Private_(?:Clean|Dirty): +(\d+)", text, re.MULTILINE))


def measured(directory: Path, python: Path, call: str, env: dict[str, str]) -> list[int]:
    """Private KiB of each child that answers UDP, the four largest."""
    port = free_udp_port()
    cfg = preamble(port, ["sl", "pv", "app_python3"], children=CHILDREN) + (
        f'modparam("app_python3", "load", "{python}")\n'
        f'request_route {{\n\tpython_exec("mono_exec", "{call}");\n\tsl_send_reply("200", "OK");\n}}\n'
    )
    with Kamailio(cfg, directory, port, env) as kamailio, Peer(port) as peer:
        for number in range(REQUESTS):
            if peer.ask(peer.request(call_id=str(number))) is None:
                sys.exit(f"no answer from Kamailio:\n{kamailio.log()}")
        return sorted((private_kib(pid) for pid in kamailio.children()), reverse=True)[:CHILDREN]


def main() -> None:
    """Print both sides and the difference."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        empty = place / "empty.py"
        empty.write_text(EMPTY, encoding="utf-8")
        with RunningDaemon(place, f"max_workers = {CHILDREN + 1}") as daemon:
            script = compiled(daemon.scripts, "Nothing", "public static int Main() { return 0; }")
            env = {"APP_MONO_CONFIG": str(daemon.config)}
            without = measured(place / "without", empty, str(script), env)
            ours = measured(place / "ours", ROOT / "kamailio" / "app_mono.py", str(script), env)
    print("private KiB of each child, app_python3 with an empty script:", *without)
    print("private KiB of each child, app_python3 with app_mono.py:    ", *ours)
    added = statistics.median(ours) - statistics.median(without)
    print(f"added by our side, median: {added / 1024:.1f} MiB a child")


if __name__ == "__main__":
    main()
