"""control.peer: whether a pid means the same process at both ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from runner.control.peer import shares_pids


def test_a_process_beside_this_one_counts_processes_alike() -> None:
    assert shares_pids(os.getpid())
    assert shares_pids(os.getppid())


def test_the_name_that_a_process_gives_itself_says_nothing() -> None:
    """The kernel shows it in the same file, line ends of Unicode included."""
    comm = Path("/proc/self/comm")
    before = comm.read_text("utf-8")
    comm.write_text("\x0bNSpid:", "utf-8")
    try:
        assert shares_pids(os.getpid())
    finally:
        comm.write_text(before.rstrip("\n"), "utf-8")


def test_a_process_that_cannot_be_seen_does_not() -> None:
    assert not shares_pids(0), "what SO_PEERCRED gives for a peer in a namespace above or beside"
    assert not shares_pids(0x7FFF_FFFF)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a PID namespace: run the tests as root")
def test_a_process_in_a_pid_namespace_of_its_own_does_not() -> None:
    with subprocess.Popen(
        ["/usr/bin/unshare", "--pid", "--fork", "/bin/sh", "-c", "echo; read x"], stdin=-1, stdout=-1
    ) as outer:
        assert outer.stdout is not None
        outer.stdout.readline()
        children = f"/proc/{outer.pid}/task/{outer.pid}/children"
        with open(children, encoding="ascii") as file:  # noqa: PTH123 - /proc
            inner = int(file.read())

        assert not shares_pids(inner)
        outer.communicate(b"\n")
