"""runner.worker.seccomp: which system calls the filter refuses. That the kernel takes it: attack/test_sandbox_walls."""

from __future__ import annotations

import struct

import pytest

from runner.worker import seccomp


@pytest.mark.parametrize("machine", sorted(seccomp.MACHINES))
def test_every_jump_of_the_filter_stays_within_it_and_every_path_ends(machine: str) -> None:
    steps = list(struct.iter_unpack("=HBBI", seccomp.program(machine)))
    reached = {0}
    for number, (code, if_true, if_false, _) in enumerate(steps):
        assert number in reached
        if code != seccomp.RETURN:
            is_jump = code in {seccomp.EQUAL, seccomp.AT_LEAST}
            reached |= {number + 1 + if_true, number + 1 + if_false} if is_jump else {number + 1}

    assert max(reached) == len(steps) - 1
    assert steps[-1] == (seccomp.RETURN, 0, 0, seccomp.ALLOW)


def test_an_unknown_machine_has_no_filter_and_needs_none() -> None:
    assert seccomp.program("riscv64") == b""
