"""tests.warm: a process that begins with libraries imported is otherwise as one that Python started."""

from __future__ import annotations

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests import warm
from tests.programs import WAIT_S
from tests.running_daemon import ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

SHOWS = """
import os, signal, sys
print(sys.argv, os.getcwd(), os.environ.get("SOME"), os.environ.get("HOME"), sys.stdin.read())
print(sorted(int(file) for file in os.listdir("/proc/self/fd"))[:-1], sys.path[0] == "", __name__, sys.flags.utf8_mode)
print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGCHLD), signal.set_wakeup_fd(-1))
print([name for name in sys.modules if name.split(".")[0] == "runner"], file=sys.stderr)
sys.exit(7)
"""


def test_it_has_what_an_ordinary_process_would_have(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SHOWS, "a", "b c"]
    environment = ENVIRONMENT | {"SOME": "é"}
    del environment["HOME"]

    done = warm.run(command, env=environment, cwd=tmp_path, stdin=b"given", timeout=WAIT_S)
    ordinary = subprocess.run(
        command, env=environment, cwd=tmp_path, input="given", capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (7, ordinary.stdout, ordinary.stderr)
    assert done.stderr == "[]\n"


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("", 0, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, ""),
        ("import atexit, sys; atexit.register(sys.stderr.write, 'at the end'); raise SystemExit(3)", 3, "at the end"),
    ],
)
def test_it_ends_as_an_ordinary_process_does(code: str, status: int, error: str) -> None:
    done = warm.run([sys.executable, "-c", code], env=ENVIRONMENT, timeout=WAIT_S)

    assert done.returncode == status
    assert done.stderr.endswith(error)
    assert bool(done.stderr) == bool(error)


def test_what_python_reads_at_its_start_is_read() -> None:
    command = [sys.executable, "-c", "import sys; print(sys.flags.optimize)"]

    assert warm.run(command, env=ENVIRONMENT | {"PYTHONOPTIMIZE": "1"}, timeout=WAIT_S).stdout == "1\n"


def test_it_can_be_waited_for_and_ended(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as out:
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        process = warm.start(command, env=ENVIRONMENT, stdout=out.fileno(), stderr=out.fileno())
        before = process.poll()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.terminate()

        assert before is None
        assert process.wait(WAIT_S) == -signal.SIGTERM
        process.kill()


def test_many_at_one_time_each_have_their_own_end() -> None:
    def status(number: int) -> int:
        return warm.run(
            [sys.executable, "-c", f"raise SystemExit({number})"], env=ENVIRONMENT, timeout=WAIT_S
        ).returncode

    with ThreadPoolExecutor(10) as threads:
        assert list(threads.map(status, range(60))) == list(range(60))
