"""The daemon's control socket: making it, who may use it, and how many of them at one time."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import pwd
import socket
from typing import TYPE_CHECKING

from runner.control.peer import ROOT, foreign, groups_of, peer_of
from runner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from runner.settings import Settings

BACKLOG = 128
KEPT_PLACES = 4  # beyond max_clients, for administrators; their questions are answered within milliseconds
SHARE = 3  # places that one user may hold for each that is free


@contextlib.contextmanager
def bound(settings: Settings) -> Iterator[socket.socket]:
    """
    The control socket, removed when the block ends. Nobody can connect until its owner listens with ``BACKLOG``.

    A lock file beside it says whether its daemon lives, so that a socket left behind is replaced and a live one never.

    Raises:
        ConfigError: A live daemon holds it, or it cannot be made as the settings want it.
    """
    path = settings.socket
    owner, group = owner_id(settings), group_id(settings)
    try:
        path.parent.mkdir(mode=0o755, exist_ok=True)
        _refuse_foreign_directory(path.parent)
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
    peer = peer_of(sock)
    if is_trusted(peer.uid, settings):
        return ""
    group = group_id(settings)
    if group in {peer.gid, *groups_of(sock)}:
        return ""
    return (
        f"process {peer.pid}, uid {peer.uid}: is neither root, the daemon's user, socket_owner, "
        f"nor in the group {group}"
    )


def is_trusted(uid: int, settings: Settings) -> bool:
    """
    Whether a user's word counts for all: root, the daemon's own user, and the one that the settings name.

    Members of ``socket_group`` may run scripts and look, and can do nothing to clients of other users.
    """
    return uid in {ROOT, os.geteuid(), owner_id(settings)}


def no_place(uid: int, others: Sequence[int], settings: Settings) -> str:
    """
    Why there is no place for one more client of a user; empty when there is one.

    At most sites all clients are Kamailio's, so one user may have most of the places. But later users find some even
    when the earlier ones took all they could: nobody holds more than ``SHARE`` for each place that is still free. Of
    256 the first such user gets 192, a second 48, a third 12, a fourth 3. Trusted users may have them all.

    Args:
        uid: The user.
        others: The users of the clients there are.
        settings: ``max_clients``, and who is trusted.
    """
    free, held = settings.max_clients - len(others), others.count(uid)
    if free <= 0:
        return f"{len(others)} clients are connected already (max_clients)"
    if held < SHARE * free or is_trusted(uid, settings):
        return ""
    return f"{held} clients of uid {uid} are connected already, and {free} places are for other users (max_clients)"


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
        raise ConfigError(f"socket {path}: expected a socket or nothing there, found another file")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    # Between bind and chmod nobody else may connect.
    before = os.umask(0o177)
    try:
        path.unlink(missing_ok=True)
        sock.bind(str(path))
        os.chown(path, owner if owner != os.geteuid() else -1, group if group != os.getegid() else -1)
        path.chmod(mode)
    except OSError as error:
        sock.close()
        raise ConfigError(f"socket {path}: cannot be made: {error.strerror or error}") from error
    finally:
        os.umask(before)
    return sock


def _refuse_foreign_directory(directory: Path) -> None:
    """
    Refuse a directory in which others could replace the daemon's socket by their own.

    Also where only ``socket_group`` may write: its members may speak with the daemon, but not in its name.

    Raises:
        ConfigError: They could; with owner, mode, and the command that corrects it.
    """
    try:
        why = foreign(directory, os.geteuid())
    except OSError as error:
        why = f"{directory}: {error.strerror}"
    if why:
        raise ConfigError(f"socket: its directory has to be root's or the daemon's own: {why}")
