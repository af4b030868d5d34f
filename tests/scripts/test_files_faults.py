"""Whatever takes a script's place on disk, the last good build serves, the log says why, and a mended file is live."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.errors import ScriptError
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE, opened
from tests.programs import MCS, WAIT_S, until
from tests.running_daemon import RunningDaemon, app_mono, compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RETURNS = "static int Main(string[] a) {{ return {0}; }}"
MACHINES = {"ARM": 0x1C4, "ARM64": 0xAA64, "Itanium": 0x200}  # PE, COFF header


@dataclass
class Site:
    """One daemon for the tests of this file, and what they put in a script's place; ``good`` and ``next`` run."""

    daemon: RunningDaemon
    good: bytes
    next: bytes
    without_main: bytes

    def put(self, script: Path, data: bytes) -> None:
        draft = script.with_suffix(".new")
        draft.write_bytes(data)
        self.clear(script)
        draft.rename(script)

    def clear(self, script: Path) -> None:
        if script.is_dir() and not script.is_symlink():
            script.rmdir()

    def script(self, name: str) -> Path:
        return self.daemon.scripts / f"{name}.exe"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("files")
    builds = [compiled(directory / "builds", f"B{code}", RETURNS.format(code)).read_bytes() for code in (1, 2)]
    library = directory / "builds" / "Library.dll"
    (directory / "builds" / "L.cs").write_text("public class L { }\n", "utf-8")
    subprocess.run([MCS, "-t:library", f"-out:{library}", str(directory / "builds" / "L.cs")], check=True)
    with RunningDaemon(directory, f"allocate_timeout_s = {WAIT_S}") as daemon:
        yield Site(daemon, builds[0], builds[1], library.read_bytes())


@pytest.fixture
def lease(site: Site) -> Iterator[Lease]:
    lease = Lease(str(site.daemon.socket))
    yield lease
    lease.close()


def run(lease: Lease, script: Path) -> int | None:
    return lease.exec(str(script), None, MessageHost(INVITE), time.monotonic() + WAIT_S).code


def of_machine(data: bytes, machine: int) -> bytes:
    """The same assembly, said to be for another processor."""
    (header,) = struct.unpack_from("<I", data, 0x3C)
    return data[: header + 4] + struct.pack("<H", machine) + data[header + 6 :]


def in_its_place(script: Path, make: Callable[[Path], object]) -> None:
    script.unlink(missing_ok=True)
    make(script)


def sparse(script: Path) -> None:
    with script.open("wb") as file:
        file.truncate(500 * 1024 * 1024)


FAULTS: dict[str, tuple[Callable[[Site, Path], None], str]] = {
    "half written": (lambda site, script: site.put(script, site.next[: len(site.next) // 2]), "is not complete"),
    "without its end": (lambda site, script: site.put(script, site.next[:-1]), "is not complete"),
    "empty": (lambda site, script: site.put(script, b""), "its headers end after 0 bytes"),
    "a shell script": (lambda site, script: site.put(script, b"#!/bin/sh\nexit 0\n"), "is not a .NET assembly"),
    "a program of the machine": (
        lambda site, script: site.put(script, Path("/bin/true").read_bytes()),
        "is not a .NET assembly",
    ),
    "an assembly without Main": (lambda site, script: site.put(script, site.without_main), "Main"),
    "garbage behind its headers": (
        lambda site, script: site.put(script, site.next[:600] + b"\xff" * (len(site.next) - 600)),
        "",
    ),
    "a directory": (lambda _, script: in_its_place(script, Path.mkdir), "expected a file, got a directory"),
    "a FIFO": (lambda _, script: in_its_place(script, os.mkfifo), "expected a file, got a FIFO"),
    "a symlink to itself": (
        lambda _, script: in_its_place(script, lambda path: path.symlink_to(path)),
        "symbolic links",
    ),
    "500 MiB": (lambda _, script: in_its_place(script, sparse), "more than the"),
    "deleted": (lambda _, script: script.unlink(missing_ok=True), "was deleted and has not been written again yet"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_last_good_build_serves_in_the_place_of(site: Site, lease: Lease, fault: str) -> None:
    script = site.script(f"served{list(FAULTS).index(fault)}")
    site.put(script, site.good)
    before = run(lease, script)
    make, message = FAULTS[fault]

    make(site, script)
    meanwhile = [run(lease, script) for _ in range(3)]
    site.put(script, site.next)

    assert (before, meanwhile, run(lease, script)) == (1, [1, 1, 1], 2)

    def told() -> list[str]:
        return [line for line in site.daemon.log().splitlines() if str(script) in line and "still serves" in line]

    # Perhaps by the thread that loads ahead, and not before the answer to who looked at the same time.
    until(lambda: any(message in line for line in told()), "the log says why")
    assert 1 <= len(told()) <= 2  # between what was there and what took its place there was nothing for a moment


@pytest.mark.parametrize("fault", FAULTS)
def test_the_very_first_exec_of_a_bad_file_is_a_clear_error_that_costs_no_worker(
    site: Site, lease: Lease, fault: str
) -> None:
    fine, script = site.script("fine"), site.script(f"first{list(FAULTS).index(fault)}")
    site.put(fine, site.good)
    run(lease, fine)
    assert lease._held is not None
    worker = lease._held.conversation.pid
    make, message = FAULTS[fault]

    make(site, script)
    with pytest.raises(ScriptError) as caught:
        run(lease, script)
    site.put(script, site.next)

    assert str(script) in str(caught.value)
    assert message in str(caught.value) or fault == "deleted"
    assert (run(lease, script), run(lease, fine)) == (2, 1)
    # It may have been exchanged for one that had the new build by then.
    assert worker in {told["pid"] for told in site.daemon.workers()}


def test_an_assembly_for_another_processor_runs_for_mono_compiles_it_itself(site: Site, lease: Lease) -> None:
    for name, machine in MACHINES.items():
        site.put(site.script(name), of_machine(site.next, machine))

    assert [run(lease, site.script(name)) for name in MACHINES] == [2, 2, 2]


def test_a_script_that_the_daemon_may_not_read_serves_its_last_good_build(tmp_path: Path) -> None:
    """Root reads everything, so the daemon's place is taken by a child of another user."""
    from runner.scripts.current import CurrentScripts  # noqa: PLC0415  # loaded before the child gives up its rights
    from runner.settings import Settings  # noqa: PLC0415

    if os.geteuid() != 0:
        pytest.skip("only root can become another user: run the tests as root")
    script = compiled(tmp_path / "scripts", "Secret", RETURNS.format(1))
    (tmp_path / "run").mkdir()
    os.chown(tmp_path / "run", 65534, 65534)  # whoever keeps copies there sets its mode
    opened(tmp_path)

    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.seteuid(65534)
            scripts = CurrentScripts(Settings(), tmp_path / "run")
            good = scripts.current(str(script))
            scripts.accept(good)
            os.seteuid(0)
            script.chmod(0o600)
            os.seteuid(65534)
            code = 0 if scripts.current(str(script)) is good else 2
        finally:
            os._exit(code)
    _, ended = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(ended) == 0


def open_scripts(daemon: RunningDaemon) -> list[str]:
    links = []
    for entry in Path(f"/proc/{daemon.pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            links.append(str(entry.readlink()))
    return [link for link in links if str(daemon.scripts) in link]


def test_nothing_of_all_that_is_left_open_or_running(site: Site) -> None:
    """After the tests above: as many processes as the pool keeps, and no descriptor of what was looked at."""
    told = app_mono("status", "--json", "--socket", str(site.daemon.socket))

    assert told.returncode == 0
    until(lambda: not open_scripts(site.daemon), "none of its scripts is open, nor looked at by the thread ahead")
    shutil.rmtree(site.daemon.scripts)
    site.daemon.scripts.mkdir()
