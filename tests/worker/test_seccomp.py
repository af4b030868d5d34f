"""
runner.worker.seccomp: which system calls the filter refuses, as seccomp(2) would run it.

That the kernel does the same is tested by attack/test_sandbox_walls.py.
"""

from __future__ import annotations

import errno
import os
import socket
import struct

import pytest

from runner.worker import seccomp

MACHINES = sorted(seccomp.MACHINES)
ALLOWED = 0
STREAM, DATAGRAM, CLOEXEC = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_CLOEXEC
I386 = 0x40000003  # AUDIT_ARCH_I386
READ = 63


def judged(machine: str, number: int, *args: int, audit: int | None = None) -> int:
    """What a call gets: ``ALLOWED``, or the number of an error. The arguments are 64 bits each, whatever is in them."""
    whole = [*args, *[0] * (6 - len(args))]
    kind = seccomp.MACHINES[machine].audit if audit is None else audit
    data = struct.pack("=iIQ6Q", number, kind, 0, *whole)
    steps, at, value = list(struct.iter_unpack("=HBBI", seccomp.program(machine))), 0, 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        match code:
            case seccomp.LOAD:
                (value,) = struct.unpack_from("=I", data, operand)
            case seccomp.AND:
                value &= operand
            case seccomp.EQUAL:
                at += if_true if value == operand else if_false
            case seccomp.AT_LEAST:
                at += if_true if value >= operand else if_false
            case seccomp.RETURN:
                return ALLOWED if operand == seccomp.ALLOW else operand & 0xFFFF


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_of_the_network_may_be_made_and_of_no_other_family(machine: str) -> None:
    call = seccomp.MACHINES[machine].socket

    found = {family: judged(machine, call, family, STREAM | CLOEXEC) for family in range(64)}

    assert {family for family, error in found.items() if error == ALLOWED} == {
        socket.AF_INET,
        socket.AF_INET6,
        socket.AF_NETLINK,
    }
    assert set(found.values()) == {ALLOWED, errno.EAFNOSUPPORT}


@pytest.mark.parametrize("machine", MACHINES)
def test_of_pairs_only_those_of_streams_may_be_made(machine: str) -> None:
    call = seccomp.MACHINES[machine].socketpair
    kinds = [STREAM, STREAM | CLOEXEC | socket.SOCK_NONBLOCK, socket.SOCK_SEQPACKET]

    assert [judged(machine, call, socket.AF_UNIX, kind) for kind in kinds] == [ALLOWED] * 3
    for kind in (DATAGRAM, DATAGRAM | CLOEXEC, socket.SOCK_RAW, socket.SOCK_RDM):
        assert judged(machine, call, socket.AF_UNIX, kind) == errno.EAFNOSUPPORT
    assert judged(machine, call, socket.AF_INET, STREAM) == errno.EAFNOSUPPORT


@pytest.mark.parametrize("machine", MACHINES)
def test_the_upper_half_of_an_argument_hides_nothing(machine: str) -> None:
    """The kernel takes an int of it."""
    call = seccomp.MACHINES[machine].socket

    assert judged(machine, call, 1 << 32 | socket.AF_UNIX, STREAM) == errno.EAFNOSUPPORT
    assert judged(machine, call, 1 << 32 | socket.AF_INET, STREAM) == ALLOWED


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_by_another_table_and_io_uring_are_not_there(machine: str) -> None:
    assert judged(machine, seccomp.IO_URING_SETUP) == errno.ENOSYS
    assert judged(machine, READ, audit=I386) == errno.ENOSYS
    assert judged(machine, seccomp.X32 | seccomp.MACHINES[machine].socket, socket.AF_UNIX) == errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_every_other_call_is_allowed(machine: str) -> None:
    known = seccomp.MACHINES[machine]
    others = set(range(600)) - {known.socket, known.socketpair, seccomp.IO_URING_SETUP}

    assert {judged(machine, number, socket.AF_UNIX, DATAGRAM) for number in others} == {ALLOWED}


def test_a_descriptor_has_the_whole_filter_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "program", lambda: b"filter")
    found = seccomp.descriptor()
    try:
        assert os.read(found, 100) == b"filter"
        assert not os.get_inheritable(found)
    finally:
        os.close(found)

    monkeypatch.setattr(seccomp, "program", lambda: b"")
    assert seccomp.descriptor() == -1


@pytest.mark.parametrize("machine", MACHINES)
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
