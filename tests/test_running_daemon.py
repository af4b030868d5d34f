"""tests.running_daemon: what a test or a benchmark that is killed leaves behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.places import ROOT
from tests.programs import has_ended, until

STARTS = """
import sys, time
from pathlib import Path
from tests.running_daemon import RunningDaemon
with RunningDaemon(Path(sys.argv[1])) as daemon:
    print(daemon.pid, flush=True)
    time.sleep(600)
"""


def test_a_daemon_ends_with_the_process_that_started_it_even_when_that_is_killed(tmp_path: Path) -> None:
    """A benchmark that was killed in the middle left its daemon and its workers, which disturbed the next one."""
    command = [sys.executable, "-c", STARTS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as starter:
        assert starter.stdout is not None
        daemon = int(starter.stdout.readline())
        assert "serve" in Path(f"/proc/{daemon}/cmdline").read_text(encoding="utf-8")
        starter.kill()

    until(lambda: has_ended(daemon), "the daemon has ended")
