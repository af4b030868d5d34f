"""
Who is at the other end of a Unix socket, and who could put another socket in its place.

Standard library only, as a child of Kamailio imports it. Must not know what is said on the socket.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
import struct
from pathlib import Path
from typing import NamedTuple

from runner.trust import Place, Untrusted

SO_PEERGROUPS = 59  # Linux 4.13, asm-generic/socket.h; Python does not name it
MAX_GROUPS_BYTES = 1024  # the most that Python's getsockopt takes: 256 groups; a peer in more counts as in none
ROOT = 0


class Peer(NamedTuple):
    """The process at the other end: when it connected, or when it began to listen (SO_PEERCRED)."""

    pid: int
    uid: int
    gid: int


def peer_of(sock: socket.socket) -> Peer:
    """Who is at the other end of a connected socket."""
    return Peer(*struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)))


def shares_pids(pid: int) -> bool:
    """
    Whether a process counts processes as this one does, so that a pid of ours is the same process there.

    A peer that this process cannot see has pid 0, and one in a namespace of its own has a second number there: NSpid in
    proc(5), which everybody may read, unlike the link in ns/. Where /proc hides it the answer is no.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
    except OSError:
        return False
    # A process chooses its own name, which is in there too, with any line end but the kernel's.
    numbers = [line.split()[1:] for line in status.split("\n") if line.startswith("NSpid:")] or [[str(pid)]]
    return pid > 0 and len(numbers[0]) == 1


def groups_of(sock: socket.socket) -> list[int]:
    """The supplementary groups of the other end."""
    numbers = array.array("I")
    with contextlib.suppress(OSError):
        numbers.frombytes(sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, MAX_GROUPS_BYTES))
    return list(numbers)


def impostor(sock: socket.socket, path: str) -> str:
    """
    Why whoever listens at ``path`` must not be believed; empty when it may be.

    A client cannot know which user its daemon runs as. But root and the client's own user can do to it what they like
    anyway. Anybody else is its daemon only where root, or the client's own user, gave that user the directory of the
    socket: then nobody else can have put a socket there.
    """
    peer, own = peer_of(sock), os.geteuid()
    if peer.uid in {ROOT, own}:
        return ""
    directory = Path(path).parent
    try:
        owner = directory.stat().st_uid
        why = foreign(directory, peer.uid, own, may_be_below_sticky=False)
    except OSError as error:
        owner, why = peer.uid, f"{directory}: {error.strerror}"
    if owner != peer.uid:
        why = f"{directory} belongs to uid {owner}"
    return why and f"uid {peer.uid} listens there, which is neither root nor this user (uid {own}), and {why}"


def foreign(directory: Path, owner: int, *others: int, may_be_below_sticky: bool = True) -> str:
    """
    Who else could put another file in the place of one in ``directory``; empty when nobody could.

    The directory and all above it, and those of symbolic links on the way, have to follow the rule of ``trust``.

    Args:
        directory: As it is named.
        owner: The uid whose directory it should be.
        others: Users above it who are trusted as well.
        may_be_below_sticky: Whether a sticky directory of root, as /tmp, may be above, where all may write and nobody
            can rename what is another's.

    Raises:
        OSError: There is no such directory, or it cannot be looked at.
    """
    try:
        with Place(str(directory)) as place:
            place.require_trust(*others, owner=owner, may_be_below_sticky=may_be_below_sticky, with_links=True)
    except Untrusted as error:
        return str(error)
    return ""
