"""The daemon's control socket: making it, and who may use it."""

from __future__ import annotations

import array
import contextlib
import fcntl
import grp
import os
import pwd
import socket
import struct
from typing import TYPE_CHECKING

from .errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .settings import Settings

BACKLOG = 128
SO_PEERGROUPS = 59  # Linux 4.13, asm-generic/socket.h; Python does not name it
MAX_GROUPS_BYTES = 1024  # the most that Python's getsockopt takes: 256 groups; a peer in more counts as in none


@contextlib.contextmanager
def listen(settings: Settings) -> Iterator[socket.socket]:
    """
    The listening control socket, removed when the block ends.

    A lock file beside it says whether its daemon lives, so that a socket left behind is replaced and a live one never.

    Raises:
        ConfigError: A live daemon holds it, or it cannot be made as the settings want it.
    """
    path = settings.socket
    owner, group = owner_id(settings), group_id(settings)
    try:
        path.parent.mkdir(mode=0o755, exist_ok=True)
        lock = os.open(f"{path}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ConfigError(f"socket {path}: cannot be made: {error.strerror}: {error.filename}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"socket {path}: another daemon listens there; stop it first: app-mono stop") from None
        sock = _bound(path, int(settings.socket_mode, 8), owner, group)
        try:
            yield sock
        finally:
            sock.close()
            path.unlink(missing_ok=True)
    finally:
        os.close(lock)


def refusal(sock: socket.socket, settings: Settings) -> str:
    """Why the process at the other end may not speak with the daemon; empty when it may (SO_PEERCRED)."""
    pid, uid, gid = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if uid in {0, os.geteuid(), owner_id(settings)}:
        return ""
    group = group_id(settings)
    if group in {gid, *_groups(sock)}:
        return ""
    return f"process {pid}, uid {uid}: is neither root, the daemon's user, socket_owner, nor in the group {group}"


def owner_id(settings: Settings) -> int:
    """The number of ``socket_owner``, or of the daemon's own user."""
    try:
        return pwd.getpwnam(settings.socket_owner).pw_uid if settings.socket_owner else os.geteuid()
    except KeyError:
        raise ConfigError(f"socket_owner: there is no user {settings.socket_owner!r}") from None


def group_id(settings: Settings) -> int:
    """The number of ``socket_group``, or of the daemon's own group."""
    try:
        return grp.getgrnam(settings.socket_group).gr_gid if settings.socket_group else os.getegid()
    except KeyError:
        raise ConfigError(f"socket_group: there is no group {settings.socket_group!r}") from None


def _bound(path: Path, mode: int, owner: int, group: int) -> socket.socket:
    if path.exists() and not path.is_socket():
        raise ConfigError(f"socket {path}: there is something else than a socket")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    # Between bind and chmod nobody else may connect.
    before = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)
        sock.bind(str(path))
        os.chown(path, owner if owner != os.geteuid() else -1, group if group != os.getegid() else -1)
        path.chmod(mode)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise ConfigError(f"socket {path}: cannot be made: {error.strerror or error}") from error
    finally:
        os.umask(before)
    return sock


def _groups(sock: socket.socket) -> list[int]:
    numbers = array.array("I")
    with contextlib.suppress(OSError):
        numbers.frombytes(sock.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, MAX_GROUPS_BYTES))
    return list(numbers)
