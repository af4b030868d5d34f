"""
While execs run in a loop from several threads, a file of the script is rewritten again and again.

Every result must be from the newest content that was complete on disk when its exec started, or a later one. The one
exception is a writer that the machine holds up in the middle of a file for longer than a reader waits: what was
complete before is gone then, and may never have been read.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Self

import pytest

from runner.build import compile_script, publish
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.scripts.builds import PATIENCE_S
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import MCS

if TYPE_CHECKING:
    from pathlib import Path

THREADS = 3
WAIT_S = 60.0
LONGEST_WRITE_S = PATIENCE_S / 2  # less than a reader waits, as file times are coarse

SCRIPT = """
class S { static int Main() { SR.PV.SetS("$var(seen)", "GEN00000"); return 0; } }
"""
USER = """
class S { static int Main() { SR.PV.SetS("$var(seen)", H.Version()); return 0; } }
"""
HELPER = """
public class H { public static string Version() { return "GEN00000"; } }
"""
READER = """
// app-mono: -r:System.Configuration.dll
class S { static int Main() {
    SR.PV.SetS("$var(seen)", System.Configuration.ConfigurationManager.AppSettings["seen"]); return 0; } }
"""
CONFIG = '<configuration><appSettings><add key="seen" value="GEN00000"/></appSettings></configuration>'


WRITER = """
import sys, time
from pathlib import Path
for line in sys.stdin:
    how, path, aside = line.split()
    path, aside = Path(path), Path(aside)
    content = aside.read_bytes()
    incomplete_s = 0.0
    if how == "by_rename":
        aside.replace(path)
    else:
        begun = time.monotonic()
        if how == "deleted_first":
            path.unlink()
        with path.open("wb") as file:
            file.write(content)
        incomplete_s = time.monotonic() - begun
    print(incomplete_s, flush=True)
"""


class Writer:
    """Rewrites files from a process of its own, as compilers and editors do; three ways of it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def write(self, how: str, path: Path, content: bytes) -> float:
        """Write a file; the seconds for which it was incomplete."""
        aside = path.with_name(f".{path.name}.new")
        aside.write_bytes(content)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{how} {path} {aside}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=WAIT_S)


class Load:
    """Threads that exec one script in a loop and check what each exec saw."""

    def __init__(self, runner: Runner, script: Path) -> None:
        self.runner = runner
        self.script = script
        self.complete = 0  # newest generation that is complete on disk
        self.faults: list[str] = []
        self.stale: list[tuple[range, str]] = []  # with the generations that were complete during the exec
        self.done = 0
        self._changed = threading.Condition()
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(THREADS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(WAIT_S)

    def await_execs(self, count: int) -> None:
        with self._changed:
            target = self.done + count
            assert self._changed.wait_for(lambda: self.done >= target, WAIT_S), "execs stopped"

    def _run(self) -> None:
        while not self._ends.is_set():
            complete = self.complete
            host = MessageHost(INVITE)
            result = self.runner.mono_exec(self.script, host=host, timeout_s=WAIT_S)
            seen = host.get_s("$var(seen)") or ""
            if not result.ok:
                self.faults.append(f"at {complete}: {result.error or result.exit_code}")
            elif int(seen.removeprefix("GEN")) < complete:
                during = range(complete, self.complete + 1)
                self.stale.append((during, f"stale: {complete} was complete, {seen} answered"))
            with self._changed:
                self.done += 1
                self._changed.notify_all()


def generation(content: bytes, number: int) -> bytes:
    """The same assembly or file with another number in it."""
    old, new = "GEN00000", f"GEN{number:05}"
    return content.replace(old.encode("utf-16-le"), new.encode("utf-16-le")).replace(old.encode(), new.encode())


def place(source: str, name: str, directory: Path) -> Path:
    path = directory / f"{name}.cs"
    path.write_text(source, encoding="utf-8")
    return publish(compile_script(path), directory)


def rewrite(runner: Runner, script: Path, changing: Path, times: int, how: str) -> Load:
    content = changing.read_bytes()
    overwritten = set()  # generations whose successor was incomplete for long
    with contextlib.closing(Writer()) as writer, Load(runner, script) as load:
        load.await_execs(THREADS)
        for number in range(1, times + 1):
            incomplete_s = writer.write(how, changing, generation(content, number))
            load.complete = number
            load.await_execs(1)
            if incomplete_s > LONGEST_WRITE_S:
                overwritten.add(number - 1)
        load.await_execs(2 * THREADS)
    load.faults += [fault for during, fault in load.stale if overwritten.isdisjoint(during)]
    return load


@pytest.fixture
def settings() -> Settings:
    return Settings(max_workers=6, allocate_timeout_s=WAIT_S, first_exec_timeout_s=WAIT_S)


@pytest.mark.parametrize("how", ["in_place", "by_rename", "deleted_first"])
def test_a_script_rewritten_200_times_is_never_stale_and_never_fails(
    settings: Settings, tmp_path: Path, how: str
) -> None:
    script = place(SCRIPT, "S", tmp_path)

    with Runner(settings) as runner:
        load = rewrite(runner, script, script, 200, how)

    assert load.faults == []
    assert load.done > 200


@pytest.mark.parametrize("how", ["in_place", "by_rename"])
def test_a_helper_rewritten_under_load_is_never_stale_and_never_fails(
    settings: Settings, tmp_path: Path, how: str
) -> None:
    helper = build_helper(tmp_path)
    (tmp_path / "S.cs").write_text("// app-mono: -r:H.dll\n" + USER, encoding="utf-8")
    script = publish(compile_script(tmp_path / "S.cs"), tmp_path)

    with Runner(settings) as runner:
        load = rewrite(runner, script, helper, 30, how)

    assert load.faults == []


@pytest.mark.parametrize("how", ["in_place", "by_rename"])
def test_a_config_rewritten_under_load_is_never_stale_and_never_fails(
    settings: Settings, tmp_path: Path, how: str
) -> None:
    script = place(READER, "S", tmp_path)
    config = tmp_path / "S.exe.config"
    config.write_text(CONFIG, encoding="utf-8")

    with Runner(settings) as runner:
        load = rewrite(runner, script, config, 50, how)

    assert load.faults == []


def build_helper(directory: Path) -> Path:
    (directory / "H.cs").write_text(HELPER, encoding="utf-8")
    subprocess.run([MCS, "-t:library", f"-out:{directory / 'H.dll'}", directory / "H.cs"], check=True)
    return directory / "H.dll"
