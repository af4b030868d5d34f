"""
The system calls that a worker in a sandbox may not make: the filter that bubblewrap loads (seccomp(2)).

A sandbox has no network, but a socket that is a file can be connected to wherever that file can be seen, and some
families of sockets know no network namespaces: AF_VSOCK reaches the host of a virtual machine. So there are sockets of
the families that mono asks the network for, and of no other. Pairs of connected sockets lead to nobody; but one of
datagrams can send to any address, so there are those of streams only. io_uring opens and connects sockets without a
system call that a filter sees.

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
    """How the kernel names a machine, and the numbers of its calls."""

    audit: int
    socket: int
    socketpair: int


MACHINES = {
    "x86_64": _Machine(audit=0xC000003E, socket=41, socketpair=53),
    "aarch64": _Machine(audit=0xC00000B7, socket=198, socketpair=199),
}
IO_URING_SETUP = 425  # on every machine
X32 = 0x4000_0000  # the bit of the calls of x86_64 with short pointers; no other call has a number above it

FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
PAIRS = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
KIND = 0xF  # SOCK_TYPE_MASK of include/linux/net.h: the rest are flags

# struct seccomp_data: the number, the machine, and arguments of 8 bytes each, of which the kernel takes an int.
NUMBER, MACHINE, FIRST, SECOND = 0, 4, 16, 24

LOAD, EQUAL, AT_LEAST = 0x20, 0x15, 0x35  # BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ | BPF_K, and with BPF_JGE
AND, RETURN = 0x54, 0x06  # BPF_ALU | BPF_AND | BPF_K, BPF_RET | BPF_K
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


class _Step(NamedTuple):
    """One ``struct sock_filter``: a jump goes over so many steps, or to the end, where everything is allowed."""

    code: int
    value: int
    if_true: int = 0
    if_false: int = 0


TO_END = -1


def program(machine: str | None = None) -> bytes:
    """
    The filter, as an array of ``struct sock_filter``; empty for a machine whose calls are not known here.

    Args:
        machine: As ``uname -m`` says it; None: this one.
    """
    # A process of 32 bits makes calls of another kind, whatever the kernel's is.
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
    The filter to be read from a descriptor, which is the caller's to close; -1 where there is none.

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
