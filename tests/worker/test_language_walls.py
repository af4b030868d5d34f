"""What a worker of every other runtime may not do: the same as one of mono, but for docs/languages.md's list."""

from __future__ import annotations

import functools
import logging
import os
import re
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ExecTimeout, RunnerError, ScriptRefused, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.runtimes import java
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import WAIT_S, needs_bwrap, until
from tests.siblings import Language, each
from tests.worker.test_sandbox import behind, wall
from tests.worker.test_worker_user import as_root
from tests.worker.workers import await_stacks, unused_uid

if TYPE_CHECKING:
    from collections.abc import Iterator

WALLS = Path(__file__).parent / "walls"
MOST_TASKS = 90  # the script would start 100 processes; a JVM has 20 threads, and those that end count for a while
LOOP_S = 1.0  # after which a loop is ended
STACK = r"worker \d+: .*Looks\.\w+[\":]"


@functools.cache
def classes(source: Path) -> dict[str, bytes]:
    """What javac makes of a source, its own class first: once for all tests, for a worker takes a second for it."""
    with tempfile.TemporaryDirectory() as made:
        command = ["javac", "-cp", str(java.ensure().sr), "-d", made, str(source)]
        subprocess.run(command, check=True, capture_output=True, timeout=WAIT_S)
        files = sorted(Path(made).iterdir(), key=lambda file: file.stem != source.stem)
        return {file.name: file.read_bytes() for file in files}


class Looks:
    """A runner with one worker of a language, and a script that does what it is told."""

    def __init__(self, language: Language, runner: Runner, directory: Path) -> None:
        self.runner = runner
        source = WALLS / f"Looks{language.suffix}"
        files = classes(source) if language.suffix == ".java" else {source.name: source.read_bytes()}
        for name, content in files.items():
            (directory / name).write_bytes(content)
        self._script = directory / next(iter(files))

    @property
    def pid(self) -> int:
        (pid,) = self.runner.snapshot().pids
        return pid

    def says(self, deed: str) -> str:
        """What the script logs of a deed."""
        host = MessageHost(INVITE)
        result = self.runner.mono_exec(self._script, deed, host=host)
        assert result.error is None, result.error
        return "".join(text for _, text in host.logs)

    def fails(self, deed: str, timeout_s: float = WAIT_S) -> RunnerError:
        """The error of one that has one."""
        result = self.runner.mono_exec(self._script, deed, host=MessageHost(INVITE), timeout_s=timeout_s)
        assert result.error is not None
        return result.error


@pytest.fixture
def directory() -> Iterator[Path]:
    """One that every user can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def start(
    language: Language, directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Any]:
    await_stacks(monkeypatch, caplog, STACK)
    runners = []

    def start(**more: Any) -> Looks:
        values: dict[str, Any] = {
            "spare_workers": 0,
            "max_workers": 1,
            "max_open_files": 64,
            "poison_message_losses": 0,
        }
        times = ("exec_timeout_s", "first_exec_timeout_s", "allocate_timeout_s", "start_timeout_s")
        settings = Settings(**values | dict.fromkeys(times, WAIT_S) | more)
        runners.append(Runner(settings, [language.runtime]))
        return Looks(language, runners[-1].__enter__(), directory)

    yield start
    for runner in runners:
        runner.__exit__(None, None, None)


def stacks_follow_a_loop(looks: Looks, caplog: pytest.LogCaptureFixture) -> None:
    """A loop ends at its deadline, its last words arrive, and where it was is in the log."""
    assert looks.says("count") == "1"

    error = looks.fails("loops", LOOP_S)

    assert isinstance(error, ExecTimeout)
    assert any(re.search(STACK, line) for line in caplog.messages), caplog.text
    assert looks.says("count") == "1", "another worker has taken over"


@each()
def test_limits_and_privileges_hold_and_the_worker_serves_on(
    start: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, language: Language
) -> None:
    monkeypatch.setenv("SECRET", "x")
    caplog.set_level(logging.INFO)
    looks = start(max_address_space_mib=4000, max_processes=777)

    pid, seen = looks.pid, looks.says("variables SECRET PATH")
    limits = looks.says("read /proc/self/limits")
    opened = int(looks.says("files"))
    allocated = looks.says("allocates 5000")
    statuses = [(task / "status").read_text("ascii") for task in Path(f"/proc/{pid}/task").iterdir()]

    assert seen == "PATH"
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    assert re.search(r"^Max open files +64 +64 ", limits, re.MULTILINE)
    assert re.search(r"^Max processes +777 +777 ", limits, re.MULTILINE)
    unlimited = language.runtime == "node"  # it reserves far more than it uses
    assert re.search(rf"^Max address space +{'unlimited' if unlimited else 4000 << 20} ", limits, re.MULTILINE)
    assert 0 < opened < 64
    assert len(statuses) > 1
    assert all("NoNewPrivs:\t1\n" in status for status in statuses)
    assert (os.getsid(pid), os.getpgid(pid)) == (pid, pid)
    assert allocated == "refused"
    assert looks.pid == pid
    assert looks.says("count") != "1"


@each()
@needs_bwrap
def test_in_a_sandbox_it_changes_only_its_own_files_and_has_no_network(
    start: Any, directory: Path, caplog: pytest.LogCaptureFixture, language: Language
) -> None:
    (directory / "beside.txt").write_text("beside", "ascii")
    looks = start(sandbox="bwrap", script_dirs=[directory])
    walled, name = wall(looks.pid), f"app-mono-test-{language.runtime}-{os.getpid()}"

    with socket.create_server(("127.0.0.1", 0)) as server:
        connects = looks.says(f"connects 127.0.0.1 {server.getsockname()[1]}")
    places = ("/etc", "/run", "../..", str(directory), tempfile.gettempdir(), ".")
    writes = {place: looks.says(f"write {place}/{name}") for place in places}
    read = looks.says(f"read {directory}/beside.txt")

    assert connects == "refused"
    assert [place for place, said in writes.items() if said == "written"] == list(places[-2:])
    assert not Path(tempfile.gettempdir(), name).exists(), "the script's was another one"
    assert read == "beside"
    error = looks.fails("dies")
    assert isinstance(error, WorkerDied)
    assert error.exit_code == -9
    until(lambda: behind(walled) == [], "all of it ends")
    stacks_follow_a_loop(looks, caplog)


@as_root
@each()
def test_as_another_user_it_reads_and_writes_only_what_that_user_may(
    start: Any, directory: Path, caplog: pytest.LogCaptureFixture, language: Language
) -> None:
    (directory / "secret.txt").write_text("secret", "ascii")
    (directory / "secret.txt").chmod(0o600)
    uid = unused_uid()
    looks = start(worker_user=uid, worker_group=uid, max_processes=MOST_TASKS, max_open_files=1000)

    writes = {place: looks.says(f"write {place}") for place in ("../../x", "../../blobs/x", "../../lock", "own")}
    read, status = looks.says(f"read {directory}/secret.txt"), looks.says("read /proc/self/status")

    assert [place for place, said in writes.items() if said == "written"] == ["own"]
    assert read == "refused"
    assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n" in status
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    assert int(looks.says("processes")) < MOST_TASKS, language
    assert looks.says("leaves") == "left"
    stacks_follow_a_loop(looks, caplog)


@each()
def test_what_a_script_leaves_behind_and_how_much_it_keeps_end_its_worker(
    start: Any, caplog: pytest.LogCaptureFixture, language: Language
) -> None:
    caplog.set_level(logging.INFO)
    looks = start(max_worker_memory_mib=250)

    first = looks.pid
    assert (looks.says("count"), looks.says("leaves"), looks.says("count")) == ("1", "left", "1")
    second = looks.pid
    assert (looks.says("memory 300"), looks.says("count")) == ("allocated", "1")

    left, large = f"retired worker {first}: its script left threads running", rf"retired worker {second}: .*\d+ MiB"
    until(lambda: left in caplog.text and re.search(large, caplog.text), f"{language.runtime}: it is told")


@each()
def test_threads_may_be_kept_and_globals_begin_again_where_the_settings_say_so(start: Any, language: Language) -> None:
    looks = start(leftover_threads="keep", statics="fresh")
    pid = looks.pid

    assert [looks.says(deed) for deed in ("count", "leaves", "count", "count")] == ["1", "left", "1", "1"], language
    assert looks.pid == pid


@each()
def test_a_message_that_costs_workers_is_refused_to_its_script(start: Any, language: Language) -> None:
    looks = start(poison_message_losses=2)

    errors = [looks.fails("dies") for _ in range(3)]

    assert [type(error) for error in errors] == [WorkerDied, WorkerDied, ScriptRefused], language
