"""runner.worker.rundir: a private directory that is removed with its runner, however the runner ends."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from runner.worker import rundir
from runner.worker.rundir import LOCK, PREFIX, run_directory
from tests.places import ROOT

DIES_INSIDE = """
import os, signal
from runner.worker.rundir import run_directory
with run_directory() as place:
    (place / "copy").write_text("x")
    print(place, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory for temporary files, used by this test only."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_the_directory_is_private_and_is_removed_after_its_block(base: Path) -> None:
    with run_directory() as place:
        (place / "worker-1").mkdir()
        assert place.parent == base
        assert stat.S_IMODE(place.stat().st_mode) == 0o700

    assert list(base.iterdir()) == []


def test_the_directory_is_removed_when_its_block_fails(base: Path) -> None:
    with pytest.raises(LookupError), run_directory():
        raise LookupError

    assert list(base.iterdir()) == []


def test_two_runners_have_separate_directories_and_leave_the_others_alone(base: Path) -> None:
    with run_directory() as one, run_directory() as other:
        assert one != other
        assert one.is_dir()

    assert list(base.iterdir()) == []


def test_the_directory_of_a_killed_runner_is_removed_by_the_next(base: Path) -> None:
    # The child finds the base through TMPDIR, as this process does.
    done = subprocess.run(
        [sys.executable, "-c", DIES_INSIDE], capture_output=True, text=True, check=False, timeout=60,
        cwd=ROOT,
    )  # fmt: skip
    left = Path(done.stdout.strip())
    assert (left / "copy").read_text(encoding="ascii") == "x"

    with run_directory():
        assert not left.exists()

    assert list(base.iterdir()) == []


def test_the_directory_of_a_starting_runner_is_never_swept(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock file used to get its name before it was locked, so a sweep in between removed a live directory."""
    lock = fcntl.flock

    def sweep_first(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            rundir._sweep(base)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", sweep_first)

    with run_directory() as place:
        assert (place / LOCK).is_file()


def test_a_directory_that_no_runner_made_is_kept(base: Path) -> None:
    target = base / "target"
    target.mkdir()
    (target / LOCK).touch()
    (base / f"{PREFIX}link").symlink_to(target)
    (base / f"{PREFIX}file").touch()
    (base / f"{PREFIX}without-lock").mkdir()
    (base / "other").mkdir()
    (base / "other" / LOCK).touch()
    before = sorted(base.rglob("*"))

    with run_directory():
        pass

    assert sorted(base.rglob("*")) == before


def test_the_lock_is_not_inherited_by_children() -> None:
    with run_directory() as place:
        held = [int(entry.name) for entry in Path("/proc/self/fd").iterdir() if _points_to(entry, place / LOCK)]

        assert len(held) == 1
        assert not os.get_inheritable(held[0])


def _points_to(entry: Path, path: Path) -> bool:
    try:
        return entry.readlink() == path
    except OSError:
        return False


def test_a_stopped_process_in_the_directory_of_a_killed_runner_gets_sigcont(base: Path) -> None:
    died = subprocess.run([sys.executable, "-c", DIES_INSIDE], capture_output=True, text=True, check=False)
    place = Path(died.stdout.strip())
    # It ends as soon as it runs, like a worker whose wire has been closed.
    stopped = subprocess.Popen([sys.executable, "-c", "import os; os.kill(os.getpid(), 19)"], cwd=place)
    os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)

    with run_directory():
        assert stopped.wait(20) == 0

    assert list(base.iterdir()) == []
