"""
How mono's options change a worker's start and size; alone: ``python -m bench.start``.

Compiling ahead (``mono --aot``) needs an assembler and a linker, for example those of Debian's binutils. It also
measures the garbage that the bridge makes for one exec, from the number of nursery collections.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import report
from bench.library import MESSAGE, settings
from bench.measure import Row, Times, against, noise, rounds
from bench.pool import memory_mib
from runner import sip
from runner.build import compile_script, ensure_bridge
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.runtimes.known import MONO
from runner.settings import Settings
from runner.wire.session import MAX_LINE_BYTES
from runner.worker.confine import MIB, environment

if TYPE_CHECKING:
    from collections.abc import Mapping

TRIES = 12
EXECS = 100_000  # in each of two rounds; this makes some tens of collections
NURSERY = "MONO_GC_PARAMS"
NURSERY_BYTES = 4 * MIB  # SGen's default
OURS = "as it is"
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


def start(bridge: Path, options: tuple[str, ...], env: Mapping[str, str], sizes: list[float]) -> list[float]:
    """
    Milliseconds from the start of mono to its first line, one value of a side for ``rounds``.

    Args:
        bridge: SRBridge.exe, SR.dll beside it.
        options: Options of mono.
        env: The whole environment.
        sizes: Its resident memory at that time, in MiB, is appended here.
    """
    wanted = Settings()
    began = time.perf_counter()
    with subprocess.Popen(
        ["mono", *options, str(bridge), str(MAX_LINE_BYTES), wanted.leftover_threads],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = process.stdout.readline()
        took = time.perf_counter() - began
        assert said, "mono ended before it was ready"
        sizes.append(memory_mib(process.pid))
    return [took * 1000]


def compiled_ahead(directory: Path) -> Path | None:
    """A bridge whose assemblies were compiled by ``mono --aot``; None where that does not work."""
    bridge = ensure_bridge()
    copies = [Path(shutil.copy(file, directory)) for file in (bridge.sr_dll, bridge.bridge_exe)]
    for copy in copies:
        made = subprocess.run(["mono", "--aot", "-O=all", str(copy)], capture_output=True, text=True, check=False)
        if made.returncode != 0 or not Path(f"{copy}.so").exists():
            print("mono --aot is left out: it needs as and ld (Debian package binutils)", made.stderr, sep="\n")
            return None
    return copies[-1]


def starts(directory: Path) -> list[Row]:
    """Rows that compare the normal start with other options, and with assemblies compiled ahead."""
    ours = environment(Settings(), MONO, None, {name: text for name, text in os.environ.items() if name != NURSERY})
    small = ours | {NURSERY: f"{ours[NURSERY]},nursery-size=1m"}
    bridge, debug = ensure_bridge().bridge_exe, ("--debug",)
    ways: dict[str, tuple[Path, tuple[str, ...], dict[str, str]]] = {
        OURS: (bridge, debug, ours),
        "a nursery of 1 MiB": (bridge, debug, small),
        "without --debug": (bridge, (), ours),
    }
    if ahead := compiled_ahead(directory):
        ways["mono --aot"] = (ahead, debug, ours)
        ways["mono --aot, without --debug"] = (ahead, (), ours)
    sizes: dict[str, list[float]] = {name: [] for name in ways}
    sides = {name: partial(start, *way, sizes[name]) for name, way in ways.items()}
    for side in sides.values():
        side()  # from here on its files are in the page cache
    times = rounds(sides, TRIES)
    rows = []
    for name in ways:
        if name != OURS:
            mine, other = Times.of(sizes[OURS]), Times.of(sizes[name])
            rows.append(against(f"worker ready: {OURS} / {name}", times[OURS], times[name], unit="ms"))
            rows.append(against(f"resident memory then: {OURS} / {name}", mine, other, unit="MiB"))
    return rows


def garbage(directory: Path) -> Row:
    """The row about the garbage that an exec makes in the worker."""
    source = directory / "Counts.cs"
    source.write_text(COUNTS, encoding="utf-8")
    script = str(compile_script(source))
    parsed = sip.parse(MESSAGE.read_bytes())
    assert NURSERY not in os.environ, f"{NURSERY} is set, so workers have another nursery than is counted with here"

    def collections(runner: Runner) -> int:
        host = MessageHost(parsed)
        assert runner.mono_exec(script, host=host).ok
        return int(host.reply_headers[-1].split()[-1])

    bytes_of_an_exec = []
    with Runner(settings()) as runner:
        for _ in range(2):
            before = collections(runner)
            for _ in range(EXECS):
                runner.mono_exec(script, host=MessageHost(parsed))
            bytes_of_an_exec.append((collections(runner) - before) * NURSERY_BYTES / EXECS)
    found = Times.of(bytes_of_an_exec)
    name = "garbage of one 3-call exec in the worker"
    return Row(name, found.median, None, found.median, noise(found), "bytes")


def measure() -> list[Row]:
    """The rows about start and garbage."""
    with tempfile.TemporaryDirectory() as name:
        return [*starts(Path(name)), garbage(Path(name))]


if __name__ == "__main__":
    report.table(measure())
