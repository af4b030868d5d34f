"""
What a bad file in a script's place does: embedded app_mono beside ours. ``python -m bench.file_faults`` prints it.

Each file gets a Kamailio of its own on each side, whose first ``mono_exec`` runs that file: the embedded module does
not survive a second one. Then a request that runs no script is sent to the same process.
"""

from __future__ import annotations

import os
import struct
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble
from tests.places import ROOT
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 3.0
OURS = ROOT / "kamailio" / "app_mono.py"
LARGE_BYTES = 500 << 20
MACHINE_ARM64 = 0xAA64


def half(good: bytes, place: Path) -> None:
    """The beginning of the file, as after an interrupted copy."""
    place.write_bytes(good[: len(good) // 2])


def large(good: bytes, place: Path) -> None:
    """A good file followed by a hole."""
    place.write_bytes(good)
    os.truncate(place, LARGE_BYTES)


def other_cpu(good: bytes, place: Path) -> None:
    """A good file whose header names another machine type; the code itself is for any."""
    (header,) = struct.unpack_from("<I", good, 0x3C)
    place.write_bytes(good[: header + 4] + struct.pack("<H", MACHINE_ARM64) + good[header + 6 :])


FILES: dict[str, Callable[[bytes, Path], object]] = {
    "nothing there": lambda _, place: place.unlink(missing_ok=True),
    "half of it": half,
    "all but its end": lambda good, place: place.write_bytes(good[:-300]),
    "an empty file": lambda _, place: place.write_bytes(b""),
    "a shell script": lambda _, place: place.write_bytes(b"#!/bin/sh\nexit 0\n"),
    "an assembly without Main": lambda _, place: place.write_bytes((ROOT / "build" / "SR.dll").read_bytes()),
    "an assembly for ARM64": other_cpu,
    "a directory": lambda _, place: place.mkdir(),
    "a FIFO": lambda _, place: os.mkfifo(place),
    "a symlink to itself": lambda _, place: place.symlink_to(place),
    "500 MiB": large,
}


def answer_to(kamailio: Kamailio, peer: Peer, user: str) -> str:
    """Send one request; returns its answer and its time."""
    began = time.monotonic()
    reply = peer.ask(peer.request(uri=f"sip:{user}@example.com", call_id=user), PATIENCE_S)
    if reply is None:
        return "**Kamailio has ended**" if not kamailio.is_alive else f"no answer in {PATIENCE_S:g} s"
    is_true = reply.startswith(b"SIP/2.0 200")
    return f"{'true' if is_true else 'false'} after {(time.monotonic() - began) * 1000:.0f} ms"


def seen(directory: Path, name: str, script: Path, daemon: RunningDaemon) -> str:
    """One side: the results of the request that runs the file, and of the next one."""
    if name == "embedded":
        module, lines, call = "app_mono", "", f'mono_exec("{script}")'
    else:
        module, lines = "app_python3", f'modparam("app_python3", "load", "{OURS}")'
        call = f'python_exec("mono_exec", "{script}")'
    port = free_udp_port()
    cfg = preamble(port, ["kex", "sl", "pv", module]) + lines
    cfg += f'\nrequest_route {{\n\tif ($rU == "good" || {call}) sl_send_reply("200", "True");'
    cfg += '\n\telse sl_send_reply("404", "False");\n}\n'
    with ExitStack() as stack:
        kamailio = stack.enter_context(Kamailio(cfg, directory / name, port, {"APP_MONO_CONFIG": str(daemon.config)}))
        peer = stack.enter_context(Peer(port))
        return f"{answer_to(kamailio, peer, 'bad')}; the next: {answer_to(kamailio, peer, 'good')}"


def main() -> None:
    """Print the table."""
    print("| in the script's place | embedded app_mono | ours |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name, RunningDaemon(Path(name), "max_workers = 4") as daemon:
        os.chdir(name)  # mono leaves files in the directory where it crashes
        good = compiled(daemon.scripts, "Good", "static int Main() { return 0; }").read_bytes()
        for number, (what, make) in enumerate(FILES.items()):
            script = daemon.scripts / f"Bad{number}.exe"
            make(good, script)
            sides = [seen(Path(name) / str(number), side, script, daemon) for side in ("embedded", "ours")]
            print(f"| {what} | {sides[0]} | {sides[1]} |", flush=True)
        os.chdir("/")


if __name__ == "__main__":
    main()
