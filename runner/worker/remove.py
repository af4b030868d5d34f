"""
Removes the directories that scripts write into, whatever a script made there and goes on making.

A directory that is not empty is moved up beside its parents until nothing is nested any more. So any depth takes the
same few descriptors, no path is ever longer than a name, and no way leads back through "..", which a process of the
script could turn to somewhere else by moving a directory.

The owner of a directory may remove whatever lies in it. So a remover that works as root enters only directories of the
one user whose tree it is, and does nothing that this user could not have done. A link is removed and never followed,
and a mount point is left: removing it says "busy" where it says "not empty" of any other directory.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import secrets
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger("runner.remove")

NOW_S = 0.05  # whoever ends a worker waits that long: some thousand files
LATER_S = 120.0  # in the background, for each: millions of files, or a process of the script that goes on making more
WAITING = 1000  # directories that wait for the background; what is one too many is left to the end of the runner
MOVED_UP = 1000  # of one directory at a time, so that a file system with few links for each has enough
REMEMBERED = 10_000  # names of directories that were moved up; more are found again by looking
LOOKS = 100  # at a directory in which nothing is found, and which is not empty
ALL_OF_OWNER = 0o700
NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST})
NOT_DONE = "it takes longer"


def remove(path: Path) -> None:
    """Remove a directory and all in it: what takes longer than ``NOW_S`` goes in the background. Never raises."""
    why = remove_at(path, time.monotonic() + NOW_S)
    if why == NOT_DONE:
        LATER.add(path, lambda deadline: remove_at(path, deadline))
    elif why:
        log.warning("%s: cannot be removed: %s", path, why)


def remove_at(path: Path, deadline: float) -> str:
    """As ``remove_within``, by its path."""
    with contextlib.suppress(OSError):
        os.rmdir(path)  # noqa: PTH106  # nearly always it is empty; no descriptor is needed
        return ""
    try:
        parent = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return _told(error, path.parent.name)
    try:
        return remove_within(parent, path.name, deadline)
    finally:
        os.close(parent)


def remove_within(parent: int, name: str, deadline: float) -> str:
    """
    Remove a file, or a directory and all in it.

    Args:
        parent: A descriptor of the directory that it lies in, where nobody but this process's user may write.
        name: A name in it.
        deadline: On ``time.monotonic``.

    Returns:
        "" when it has gone; else why not: ``NOT_DONE`` when the deadline came first, or the first reason met.
    """
    try:
        return _Removal(parent, name, deadline).run()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return _told(error, name)


def enter(parent: int, name: str, owner: int | None = None) -> int:
    """
    A descriptor of a directory, whose entries can be read and removed from now on: its mode may have to change.

    Args:
        parent: A descriptor of the directory that it lies in.
        name: A name in it; a link is not followed.
        owner: The user whose it has to be; None: anybody's.

    Raises:
        OSError: It cannot be opened, is no directory, or belongs to another user.
    """
    # By a descriptor that only names it, so that nothing takes its place between the look and the change.
    named = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        found = os.fstat(named)
        if owner not in {None, found.st_uid}:
            raise PermissionError(errno.EPERM, f"belongs to another user, uid {found.st_uid}", name)
        if found.st_mode & ALL_OF_OWNER != ALL_OF_OWNER:
            with contextlib.suppress(OSError):  # the next line says what is wrong
                os.chmod(f"/proc/self/fd/{named}", ALL_OF_OWNER)  # noqa: PTH101  # a descriptor
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=named)
    finally:
        os.close(named)


class _Removal:
    """One directory that goes, with what was seen on the way."""

    def __init__(self, parent: int, name: str, deadline: float) -> None:
        self._parent = parent
        self._name = name
        self._deadline = deadline
        self._owner: int | None = None
        self._done = 0  # files and directories that were removed or moved
        self._why = ""
        self._prefix = secrets.token_hex(8)  # no process of the script can be there with such a name first
        self._moved = 0
        self._next: deque[str] = deque(maxlen=REMEMBERED)

    def run(self) -> str:
        """As ``remove_within``; an error that is raised is of the directory itself."""
        if self._goes(self._parent, self._name):
            return ""
        top = enter(self._parent, self._name)
        try:
            owner = os.fstat(top).st_uid
            self._owner = None if owner == os.geteuid() else owner
            idle = 0
            while True:
                before, self._why = self._done, ""
                self._pass(top)
                if self._goes(self._parent, self._name):
                    return ""
                if self._is_late():
                    return NOT_DONE
                # Without a reason another process, or another remover, is at work in it.
                idle = 0 if self._done > before else idle + 1
                if idle and (self._why or idle >= LOOKS):
                    return self._why or "it is never empty"
        finally:
            os.close(top)

    def _is_late(self) -> bool:
        return time.monotonic() >= self._deadline

    def _pass(self, top: int) -> None:
        """Take one look at everything in it, until the deadline."""
        with os.scandir(top) as entries:
            for entry in entries:
                self._next.append(entry.name)
                while self._next:
                    if self._is_late():
                        return
                    self._take(top, self._next.pop())

    def _take(self, top: int, name: str) -> None:
        """Remove one that lies directly in the top, after moving up the directories in it that are not empty."""
        try:
            if self._goes(top, name):
                return
            directory = enter(top, name, self._owner)
            try:
                moved = self._flatten(top, directory)
            finally:
                os.close(directory)
            if moved and not self._goes(top, name):
                self._next.append(name)  # again, when those above it have gone
            elif not moved:
                self._goes(top, name)
            self._next.extend(moved)
        except OSError as error:
            self._note(error, name)

    def _flatten(self, top: int, directory: int) -> list[str]:
        """Remove the files and empty directories in a directory, and move up others; the names of those."""
        moved = []
        with os.scandir(directory) as entries:
            for entry in entries:
                try:
                    if not self._goes(directory, entry.name):
                        moved.append(self._move_up(top, directory, entry.name))
                except OSError as error:
                    self._note(error, entry.name)
                if len(moved) >= MOVED_UP or self._is_late():
                    break
        return moved

    def _goes(self, parent: int, name: str) -> bool:
        """
        Remove a file or an empty directory; False for a directory with something in it.

        Raises:
            OSError: Neither goes.
        """
        try:
            try:
                os.rmdir(name, dir_fd=parent)
            except NotADirectoryError:
                os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            self._done += 1  # somebody else did it
            return True
        except OSError as error:
            if error.errno in NOT_EMPTY:
                return False
            raise
        self._done += 1
        return True

    def _move_up(self, top: int, directory: int, name: str) -> str:
        self._moved += 1
        new = f"{self._prefix}-{self._moved}"
        try:
            os.rename(name, new, src_dir_fd=directory, dst_dir_fd=top)
        except PermissionError:
            # To move a directory takes the right to write into it, which its owner can give himself.
            os.close(enter(directory, name, self._owner))
            os.rename(name, new, src_dir_fd=directory, dst_dir_fd=top)
        self._done += 1
        return new

    def _note(self, error: OSError, name: str) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
            self._done += 1  # something else came in its place just now: worth another look
        else:
            self._why = self._why or _told(error, name)


def _told(error: OSError, name: str) -> str:
    return f"{name[:80]!a}: {error.strerror}"


class _Later:
    """Removes one directory after the other in a thread that ends when there is none left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Path, Callable[[float], str], Callable[[], None]]] = deque()
        self._runs = False

    def add(self, path: Path, step: Callable[[float], str], then: Callable[[], None] = lambda: None) -> None:
        """
        Let a directory go later.

        Args:
            path: For the log.
            step: Removes it until a deadline, as ``remove_within``.
            then: Called in any case, when it is over.
        """
        with self._lock:
            is_too_many = len(self._waiting) >= WAITING
            if not is_too_many:
                self._waiting.append((path, step, then))
            starts = not is_too_many and not self._runs
            self._runs = self._runs or starts
        if is_too_many:
            log.warning("%s: is left until the end: %d others are being removed", path, WAITING)
            then()
        if starts:
            try:
                threading.Thread(target=self._run, name="remover", daemon=True).start()
            except RuntimeError:  # the kernel gives no thread; the end of the runner tries again
                with self._lock:
                    left, self._runs = list(self._waiting), False
                    self._waiting.clear()
                for _, _, then_of in left:
                    then_of()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._runs = False
                    return
                path, step, then = self._waiting.popleft()
            try:
                if why := step(time.monotonic() + LATER_S):
                    log.warning("%s: cannot be removed: %s; the end of the runner tries again", path, why)
            except Exception:  # the others have to go nevertheless
                log.exception("%s: cannot be removed", path)
            finally:
                then()


LATER = _Later()
