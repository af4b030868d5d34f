"""The process that the compilers stay warm in: one for all sources, replaced when it dies, gone when we are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from runner import mcs
from runner.compilers import worker
from runner.errors import BuildError
from tests.places import ROOT
from tests.programs import stop, until

SOURCE = "Module M\nSub Main()\nEnd Sub\nEnd Module\n"
STARTER = """
import os, signal, sys
from pathlib import Path
from runner.compilers import worker
ok, _ = worker.Resident("vb").run(Path(sys.argv[1]), ["-vbruntime*", sys.argv[2]])
print(worker._WORKER.pid, ok, flush=True)
os.kill(os.getpid(), int(sys.argv[3])) if int(sys.argv[3]) else None
"""

pytestmark = pytest.mark.usefixtures("compilers")


@pytest.fixture
def source(tmp_path: Path) -> str:
    (tmp_path / "M.vb").write_text(SOURCE, encoding="utf-8")
    return str(tmp_path / "M.vb")


def compiled(source: str, name: str = "M.exe") -> bool:
    output = Path(source).with_name(name)
    ok, lines = worker.Resident("vb").run(output, ["-vbruntime*", source])
    assert lines == []
    return ok and output.read_bytes()[:2] == b"MZ" and output.with_suffix(".pdb").read_bytes()[:4] == b"BSJB"


def warm_pid(source: str) -> int:
    assert compiled(source)
    pid = worker._WORKER.pid
    assert pid is not None
    return pid


def test_one_process_compiles_one_source_after_the_other(source: str) -> None:
    first = warm_pid(source)

    assert warm_pid(source) == first


def test_a_process_that_died_meanwhile_is_replaced(source: str) -> None:
    first = warm_pid(source)
    os.kill(first, signal.SIGKILL)

    assert warm_pid(source) != first


def test_a_process_that_dies_again_in_the_middle_is_an_error_and_replaced_at_the_next(source: str) -> None:
    first = warm_pid(source)
    stop(first)
    errors: list[str] = []

    def ask() -> None:
        with pytest.raises(BuildError) as caught:
            compiled(source)
        errors.append(str(caught.value))

    asking = threading.Thread(target=ask)
    asking.start()
    os.kill(first, signal.SIGKILL)
    until(lambda: worker._WORKER.pid not in {None, first}, "another one was started")
    os.kill(worker._WORKER.pid or first, signal.SIGKILL)
    asking.join(mcs.COMPILE_TIMEOUT_S)

    assert errors == ["the compiler ended in the middle of a compilation"]
    assert warm_pid(source) != first


def test_a_process_that_takes_too_long_is_ended(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = warm_pid(source)
    stop(first)
    with monkeypatch.context() as patched:
        patched.setattr(mcs, "COMPILE_TIMEOUT_S", 0.1)
        with pytest.raises(BuildError, match=r"^the compiler took longer than 0\.1 s$"):
            compiled(source)

    assert not Path(f"/proc/{first}").exists()
    assert warm_pid(source) != first


@pytest.mark.parametrize("signal_number", [0, signal.SIGKILL])
def test_the_process_ends_with_the_one_that_started_it(source: str, signal_number: int) -> None:
    command = [sys.executable, "-c", STARTER, str(Path(source).with_name("A.exe")), source, str(int(signal_number))]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    pid, ok = done.stdout.split()

    assert (done.returncode, ok) == (-signal_number, "True"), done.stderr
    until(lambda: not Path(f"/proc/{pid}/exe").exists(), "the compiler has ended")


def test_a_compiler_that_fails_by_itself_says_so_and_stays(source: str, tmp_path: Path) -> None:
    first = warm_pid(source)

    ok, lines = worker.Resident("vb").run(tmp_path / "no" / "X.exe", ["-vbruntime*", source])

    assert not ok
    assert lines[0].startswith("the compiler failed: System.IO.DirectoryNotFoundException: ")
    assert warm_pid(source) == first


def test_the_program_is_compiled_again_only_when_its_sources_have_changed() -> None:
    first = worker.ensure().stat()

    assert worker.ensure().stat().st_ino == first.st_ino
