"""
Whose files may decide what runs: one rule for scripts and the files beside them, caches, sockets and directories.

The rule is that of sshd for ``authorized_keys`` (misc.c, safe_path): a file and every directory above it belong to root
or to this process's user, and nobody else may write to them. A user's own group may write while nobody else is in it:
Debian gives each user such a group, and on Debian 13 it may write to what an interactive user makes (umask 0002). A
sticky directory of root, as /tmp is, may stand above, but not hold the file itself: anybody may create a file in it,
but nobody can replace somebody else's.

Must not know what is in a file, nor what it is for.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import stat as modes
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_LINKS = 40  # path_resolution(7): more end in ELOOP
MOST_DIRECTORIES = 100  # above one file; each costs a descriptor while the file is looked for
PROC = "/proc"


class Untrusted(Exception):
    """Others may change what was found, or the way to it proves nothing. The text says how to fix it."""


class _Step(NamedTuple):
    """One name on the way: an open descriptor (``O_PATH``) and what the kernel says of it."""

    name: str
    descriptor: int
    stat: os.stat_result


class Place:
    """
    One file or directory, found by walking from the root over descriptors. A context manager: it holds them.

    Nothing on the way can be exchanged between check and use: ``path`` is the way that was walked, each step of it is
    judged by its descriptor, and ``open`` opens the last one beneath its directory.

    Args:
        path: Absolute, or relative to the working directory.

    Attributes:
        path: The same without symbolic links, ``.`` and ``..``.
        links: The symbolic links that were followed, each without links above it. While they stay, so does ``path``.

    Raises:
        FileNotFoundError, NotADirectoryError: There is no such file.
        OSError: It cannot be reached: no permission, a circle of links, no descriptor left.
        ValueError: The name contains a NUL.
        Untrusted: The way leads through /proc, where a name leads to whatever a process holds open.
    """

    def __init__(self, path: str) -> None:
        self.links: list[str] = []
        self._steps: list[_Step] = []
        self._passed: dict[str, os.stat_result] = {}  # directories that are not above it, by name
        try:
            self._walk(os.path.join(Path.cwd(), path) if not path.startswith(os.sep) else path)  # noqa: PTH118
        except BaseException:
            self._close()
            raise
        self.path = self._name()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._close()

    @property
    def stat(self) -> os.stat_result:
        """What the kernel says of it."""
        return self._steps[-1].stat

    def require_trust(
        self, *others: int, owner: int | None = None, may_be_below_sticky: bool = True, with_links: bool = False
    ) -> None:
        """
        Raise unless it, and every directory above it, follows the rule.

        Args:
            others: Users who are trusted besides root and the owner.
            owner: Whose it should be; None for this process's user.
            may_be_below_sticky: Whether a sticky directory of root may stand above.
            with_links: Whether the directories from which a symbolic link led elsewhere are judged as well. Whoever may
                change one leads the next look elsewhere, which does not matter to a caller who uses ``path``.

        Raises:
            Untrusted: One does not; the text has its owner, its mode, and the command that fixes it.
        """
        owner = os.geteuid() if owner is None else owner
        last = len(self._steps) - 1
        steps = [
            (self._name(at), step.stat, at < last - (not modes.S_ISDIR(self.stat.st_mode)))
            for at, step in enumerate(self._steps)
        ]
        if with_links:
            steps += [(name, stat, True) for name, stat in self._passed.items()]
        for name, stat, is_above in steps:
            if reason := _refusal(name, stat, (owner, 0, *others), is_above=is_above and may_be_below_sticky):
                raise Untrusted(reason)

    def open(self, flags: int) -> int:
        """
        Open the file that was found, and no other; the descriptor is the caller's.

        Raises:
            FileNotFoundError: Another file has its name by now.
            OSError: It cannot be opened.
        """
        descriptor = os.open(self._steps[-1].name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._parent())
        now = os.fstat(descriptor)
        if (now.st_dev, now.st_ino) != (self.stat.st_dev, self.stat.st_ino):
            os.close(descriptor)
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.path)
        return descriptor

    def _parent(self) -> int:
        return self._steps[-2].descriptor if len(self._steps) > 1 else self._steps[0].descriptor

    def _name(self, at: int | None = None) -> str:
        steps = self._steps if at is None else self._steps[: at + 1]
        return os.sep + os.sep.join(step.name for step in steps[1:])  # noqa: PTH118 - the steps are names already

    def _walk(self, path: str) -> None:
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        self._enter(os.sep, os.open(os.sep, flags))
        proc = _device(PROC)
        ahead = _names(path)
        while ahead:
            name = ahead.pop()
            if name in {"", os.curdir}:
                continue
            if name == os.pardir:
                self._go_up()
                continue
            descriptor = os.open(name, flags, dir_fd=self._steps[-1].descriptor)
            self._enter(name, descriptor)
            here = self._steps[-1]
            if here.stat.st_dev == proc:
                raise Untrusted(f"{path} leads through {PROC}, where a name leads to whatever a process holds open")
            if modes.S_ISLNK(here.stat.st_mode):
                self.links.append(self._name())
                if len(self.links) > MOST_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = os.readlink("", dir_fd=descriptor)  # of the link itself, readlinkat(2)
                os.close(self._steps.pop().descriptor)
                if target.startswith(os.sep):
                    while self._go_up():
                        pass
                ahead += _names(target)
            elif ahead and not modes.S_ISDIR(here.stat.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)

    def _go_up(self) -> bool:
        """One directory up; False at the root."""
        if len(self._steps) == 1:
            return False
        self._passed[self._name()] = self.stat
        os.close(self._steps.pop().descriptor)
        return True

    def _enter(self, name: str, descriptor: int) -> None:
        self._steps.append(_Step(name, descriptor, os.fstat(descriptor)))
        if len(self._steps) > MOST_DIRECTORIES:
            raise OSError(errno.ENAMETOOLONG, f"more than {MOST_DIRECTORIES} directories deep", self._name())

    def _close(self) -> None:
        while self._steps:
            os.close(self._steps.pop().descriptor)


def is_below(path: str, directories: Iterable[str]) -> bool:
    """Whether a path without links lies in one of these directories, given without links as well."""
    return any(Path(path).is_relative_to(directory) for directory in directories)


def _refusal(path: str, stat: os.stat_result, allowed: tuple[int, ...], *, is_above: bool) -> str:
    """
    Why a file or directory is not trusted; empty when it is.

    Args:
        path: Its name.
        stat: What the kernel says of it.
        allowed: Whose it may be; first, whose it should be.
        is_above: Whether a sticky directory of root is accepted.
    """
    mode = modes.S_IMODE(stat.st_mode)
    shown = f"{path} belongs to {_user_name(stat.st_uid)} and has mode {mode:04o}"
    if stat.st_uid not in allowed:
        names = " or ".join(_user_name(uid) for uid in dict.fromkeys(allowed))
        return f"{shown}, but must belong to {names}: chown {_user_name(allowed[0])} {path}"
    if not mode & (modes.S_IWGRP | modes.S_IWOTH):
        return ""
    if not mode & modes.S_IWOTH and _is_alone_in(stat.st_gid, stat.st_uid):
        return ""
    if mode & modes.S_ISVTX and stat.st_uid == 0 and modes.S_ISDIR(stat.st_mode):
        if is_above:
            return ""
        return f"{shown}: anybody may create files there; use a directory that nobody else may write to"
    return f"{shown}, so others may change it: chmod go-w {path}"


def _names(path: str) -> list[str]:
    """The names on a way, in reverse order."""
    return path.split(os.sep)[::-1]  # noqa: PTH206 - Path would drop ".."


def _is_alone_in(gid: int, uid: int) -> bool:
    """Whether this is a user's own group, with nobody else in it. Never for root: files in /etc need no such group."""
    try:
        user, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except KeyError:
        return False
    if uid == 0 or user.pw_gid != gid or not {user.pw_name}.issuperset(group.gr_mem):
        return False
    return not any(other.pw_gid == gid and other.pw_uid != uid for other in pwd.getpwall())


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _device(path: str) -> int | None:
    with contextlib.suppress(OSError):
        return os.stat(path).st_dev  # noqa: PTH116 - a number, of a text
    return None
