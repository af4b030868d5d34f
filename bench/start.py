"""
How mono's options change a worker's start and size: ``python -m bench.start``.

Compiling ahead (``mono --aot``) needs an assembler and a linker, for one those of Debian's binutils. Then the garbage
that the bridge makes for one exec, from the number of nursery collections.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench.library import MESSAGE, settings
from bench.pool import memory_mib
from runner.build import compile_script, ensure_bridge
from runner.confine import MONO_ENVIRONMENT
from runner.hosts import sip
from runner.hosts.message import MessageHost
from runner.runner import Runner

TRIES = 12
EXECS = 20_000
NURSERY_BYTES = 1024 * 1024  # as runner.confine sets it
COUNTS = """
class Counts
{
    static int Main()
    {
        string uri = SR.PV.GetS("$ru");
        SR.PV.SetS("$rU", "123");
        SR.HDR.AppendToReply("X-Collections: " + System.GC.CollectionCount(0) + "\\r\\n");
        return uri != null ? 0 : 1;
    }
}
"""


def start(directory: Path, nursery: str) -> tuple[float, float]:
    """Milliseconds from the start of mono to its first line, and its MiB then."""
    ours, theirs = socket.socketpair()
    environment = os.environ | MONO_ENVIRONMENT | ({"MONO_GC_PARAMS": f"nursery-size={nursery}"} if nursery else {})
    began = time.perf_counter()
    with theirs:
        process = subprocess.Popen(
            ["mono", "--debug", str(directory / "SRBridge.exe"), "1048576"],
            stdin=theirs.fileno(), stdout=theirs.fileno(), env=environment, start_new_session=True,
        )  # fmt: skip
    ours.recv(4096)
    took = time.perf_counter() - began
    size = memory_mib(process.pid)
    ours.close()
    process.wait(10)
    return took * 1000, size


def collections(runner: Runner, script: str) -> int:
    """How many nursery collections the worker has had, told by the script itself."""
    host = MessageHost(sip.parse(MESSAGE.read_bytes()))
    assert runner.mono_exec(script, host=host).ok
    return int(host.reply_headers[-1].split()[-1])


def main() -> None:
    """Print both."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        bridge = ensure_bridge()
        places = {"compiled at start": place / "jit", "compiled ahead": place / "aot"}
        for directory in places.values():
            directory.mkdir()
            for file in (bridge.sr_dll, bridge.bridge_exe):
                shutil.copy(file, directory)
        try:
            for file in (bridge.sr_dll, bridge.bridge_exe):
                ahead = ["mono", "--aot", "-O=all", str(places["compiled ahead"] / file.name)]
                subprocess.run(ahead, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError):
            del places["compiled ahead"]
            print("mono --aot does not work here: it needs as and ld")
        ways = {(how, nursery): directory for how, directory in places.items() for nursery in ("", "1m")}
        found: dict[tuple[str, str], list[tuple[float, float]]] = {way: [] for way in ways}
        for _ in range(TRIES):
            for way in random.sample(list(ways), len(ways)):
                found[way].append(start(ways[way], way[1]))
        for (how, nursery), values in found.items():
            ready, size = (statistics.median(column) for column in zip(*values, strict=True))
            print(f"{how:18} nursery {nursery or '4m':3} ready after {ready:5.1f} ms with {size:.1f} MiB")
        source = place / "Counts.cs"
        source.write_text(COUNTS, encoding="utf-8")
        script = str(compile_script(source))
        with Runner(settings()) as runner:
            before = collections(runner, script)
            parsed = sip.parse(MESSAGE.read_bytes())
            for _ in range(EXECS):
                runner.mono_exec(script, host=MessageHost(parsed))
            garbage = (collections(runner, script) - before) * NURSERY_BYTES / EXECS
        print(f"garbage of one 3-call exec in the worker: {garbage:.0f} bytes")


if __name__ == "__main__":
    main()
