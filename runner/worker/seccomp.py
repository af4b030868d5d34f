"""
The system calls that a worker in a sandbox may not make: the filter that bubblewrap loads (seccomp(2)).

A sandbox has no network. But a process can connect to a socket that is a file wherever it sees the file, and some
families of sockets ignore network namespaces: AF_VSOCK reaches the host of a virtual machine. So the filter allows only
the families that mono needs for its network calls. A pair of connected sockets leads nowhere else, but one of datagrams
can send to any address, so only pairs of streams are allowed. io_uring can open and connect sockets without a system
call that a filter sees, so it is refused.

Facts: include/uapi/linux/{filter,seccomp,audit}.h, the tables of system calls of Linux 6.1, net/unix/af_unix.c.
"""

from __future__ import annotations

import errno
import os
import platform
import socket
import struct
import sys
from typing import NamedTuple


class _Machine(NamedTuple):
    """The kernel's number for a machine type, and the numbers of its system calls."""

    audit: int
    socket: int
    socketpair: int


MACHINES = {
    "x86_64": _Machine(audit=0xC000003E, socket=41, socketpair=53),
    "aarch64": _Machine(audit=0xC00000B7, socket=198, socketpair=199),
}
IO_URING_SETUP = 425  # the same on every machine type
X32 = 0x4000_0000  # the bit of the x32 calls of x86_64; no other call has a number as high

FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
PAIRS = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
KIND = 0xF  # SOCK_TYPE_MASK of include/linux/net.h: the rest are flags

# struct seccomp_data: the number, the machine type, and arguments of 8 bytes each, of which the kernel uses an int.
NUMBER, MACHINE, FIRST, SECOND = 0, 4, 16, 24

LOAD, EQUAL, AT_LEAST = 0x20, 0x15, 0x35  # BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, and with BPF_JGE
AND, RETURN = 0x54, 0x06  # BPF_ALU | BPF_AND | BPF_K, BPF_RET | BPF_K
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


class _Step(NamedTuple):
    """One ``struct sock_filter``. A jump skips that many steps, or goes to the end, which allows the call."""

    code: int
    value: int
    if_true: int = 0
    if_false: int = 0


TO_END = -1


def program(machine: str | None = None) -> bytes:
    """
    The filter, as an array of ``struct sock_filter``; empty for a machine type that is not in ``MACHINES``.

    Args:
        machine: As ``uname -m`` prints it; None: this machine.
    """
    # A 32-bit process makes calls with other numbers, also on a 64-bit kernel.
    known = MACHINES.get(machine or (platform.machine() if sys.maxsize > 1 << 32 else ""))
    if known is None:
        return b""
    families = [_Step(EQUAL, family, if_true=TO_END) for family in FAMILIES]
    pairs = [_Step(EQUAL, kind, if_true=TO_END) for kind in PAIRS]
    no_call, no_family = _Step(RETURN, ERRNO | errno.ENOSYS), _Step(RETURN, ERRNO | errno.EAFNOSUPPORT)
    steps = [
        *(_Step(LOAD, MACHINE), _Step(EQUAL, known.audit, if_true=1), no_call),
        *(_Step(LOAD, NUMBER), _Step(AT_LEAST, X32, if_false=1), no_call),
        *(_Step(EQUAL, IO_URING_SETUP, if_false=1), no_call),
        _Step(EQUAL, known.socket, if_false=2 + len(families)),
        *(_Step(LOAD, FIRST), *families, no_family),
        _Step(EQUAL, known.socketpair, if_false=TO_END),
        *(_Step(LOAD, FIRST), _Step(EQUAL, socket.AF_UNIX, if_true=1), no_family),
        *(_Step(LOAD, SECOND), _Step(AND, KIND), *pairs, no_family),
    ]
    end = len(steps)
    packed = [
        struct.pack("=HBBI", step.code, *_jumps(step, end - number - 1), step.value)
        for number, step in enumerate(steps)
    ]
    return b"".join([*packed, struct.pack("=HBBI", RETURN, 0, 0, ALLOW)])


def descriptor() -> int:
    """
    A descriptor to read the filter from, which the caller must close; -1 where there is no filter.

    Raises:
        OSError: There are no descriptors left.
    """
    if not (steps := program()):
        return -1
    found = os.memfd_create("seccomp", os.MFD_CLOEXEC)
    with open(found, "wb", buffering=0, closefd=False) as file:  # a descriptor
        file.write(steps)
    os.lseek(found, 0, os.SEEK_SET)
    return found


def _jumps(step: _Step, to_end: int) -> tuple[int, int]:
    return (to_end if step.if_true == TO_END else step.if_true, to_end if step.if_false == TO_END else step.if_false)
