"""
Removes the directories that scripts write into, whatever a script has made there and goes on making.

A directory that is not empty is moved up to the top, until nothing is nested any more. So any depth takes the same few
descriptors, and no path is longer than a name. ".." is never used: a process of the script could make it lead elsewhere
by moving a directory.

The owner of a directory may remove everything in it. So a remover that works as root enters only directories of the one
user who owns the tree, and does nothing that this user could not do. A link is removed and never followed. A mount
point stays: removing it fails with "busy", where any other directory fails with "not empty".
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

NOW_S = 0.05  # the end of a worker waits at most that long: enough for some thousand files
LATER_S = 120.0  # for each directory in the background: millions of files, or a process that goes on making more
WAITING = 1000  # directories that wait for the background; any more are left until the runner ends
MOVED_UP = 1000  # out of one directory at a time, because some file systems allow few links to a directory
REMEMBERED = 10_000  # names of directories that were moved up; more are found by listing the top again
LOOKS = 100  # at a directory that seems empty and is not
ALL_OF_OWNER = 0o700
NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST})
NOT_DONE = "it takes too long"


def remove(path: Path) -> None:
    """Remove a directory and all in it; after ``NOW_S``, the rest in the background. Never raises."""
    why = remove_at(path, time.monotonic() + NOW_S)
    if why == NOT_DONE:
        LATER.add(path, lambda deadline: remove_at(path, deadline))
    elif why:
        log.warning("%s: cannot be removed: %s", path, why)


def remove_at(path: Path, deadline: float) -> str:
    """As ``remove_within``, for a path."""
    with contextlib.suppress(OSError):
        os.rmdir(path)  # noqa: PTH106  # it is almost always empty, and then no descriptor is needed
        return ""
    try:
        parent = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return _reason(error, path.parent.name)
    try:
        return remove_within(parent, path.name, deadline)
    finally:
        os.close(parent)


def remove_within(parent: int, name: str, deadline: float) -> str:
    """
    Remove a file, or a directory and all in it.

    Args:
        parent: A descriptor of the directory that contains it; only this process's user may write to that directory.
        name: A name in it.
        deadline: On ``time.monotonic``.

    Returns:
        "" when it is removed; else why not: ``NOT_DONE`` when the deadline came first, or the first error.
    """
    try:
        return _Removal(parent, name, deadline).run()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return _reason(error, name)


def enter(parent: int, name: str, owner: int | None = None) -> int:
    """
    Open a directory, and change its mode if necessary, so that its entries can be listed and removed.

    Args:
        parent: A descriptor of the directory that contains it.
        name: A name in it; a link is not followed.
        owner: The user that it must belong to; None: any user.

    Returns:
        A descriptor of the directory.

    Raises:
        OSError: It cannot be opened, is not a directory, or belongs to another user.
    """
    # O_PATH first, so that nothing can take its place between the check and the change of mode.
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
    """The removal of one directory, and what was met on the way."""

    def __init__(self, parent: int, name: str, deadline: float) -> None:
        self._parent = parent
        self._name = name
        self._deadline = deadline
        self._owner: int | None = None
        self._done = 0  # files and directories that were removed or moved
        self._why = ""
        self._prefix = secrets.token_hex(8)  # so that no process of the script can take such a name first
        self._moved = 0
        self._next: deque[str] = deque(maxlen=REMEMBERED)

    def run(self) -> str:
        """As ``remove_within``, but raises an error that concerns the directory itself."""
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
                # Nothing was removed and nothing failed: another process, or another remover, is at work in it.
                idle = 0 if self._done > before else idle + 1
                if idle and (self._why or idle >= LOOKS):
                    return self._why or "it never becomes empty"
        finally:
            os.close(top)

    def _is_late(self) -> bool:
        return time.monotonic() >= self._deadline

    def _pass(self, top: int) -> None:
        """Go once through everything in it, until the deadline."""
        with os.scandir(top) as entries:
            for entry in entries:
                self._next.append(entry.name)
                while self._next:
                    if self._is_late():
                        return
                    self._take(top, self._next.pop())

    def _take(self, top: int, name: str) -> None:
        """Remove one entry of the top, after moving up the directories in it that are not empty."""
        try:
            if self._goes(top, name):
                return
            directory = enter(top, name, self._owner)
            try:
                moved = self._flatten(top, directory)
            finally:
                os.close(directory)
            if moved and not self._goes(top, name):
                self._next.append(name)  # again, after those that were moved out of it
            elif not moved:
                self._goes(top, name)
            self._next.extend(moved)
        except OSError as error:
            self._note(error, name)

    def _flatten(self, top: int, directory: int) -> list[str]:
        """Remove the files and empty directories in a directory, and move up the others; returns their new names."""
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
        Remove a file or an empty directory; False for a directory that is not empty.

        Raises:
            OSError: It cannot be removed.
        """
        try:
            try:
                os.rmdir(name, dir_fd=parent)
            except NotADirectoryError:
                os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            self._done += 1  # another process has removed it
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
            # Moving a directory takes the right to write to it, which its owner can grant.
            os.close(enter(directory, name, self._owner))
            os.rename(name, new, src_dir_fd=directory, dst_dir_fd=top)
        self._done += 1
        return new

    def _note(self, error: OSError, name: str) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
            self._done += 1  # it was replaced by something else just now, so another pass is worthwhile
        else:
            self._why = self._why or _reason(error, name)


def _reason(error: OSError, name: str) -> str:
    return f"{name[:80]!a}: {error.strerror}"


class _Later:
    """Removes directories one after another, in a thread that ends when none is left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Path, Callable[[float], str], Callable[[], None]]] = deque()
        self._runs = False

    def add(self, path: Path, step: Callable[[float], str], then: Callable[[], None] = lambda: None) -> None:
        """
        Have a directory removed in the background.

        Args:
            path: The directory, for the log.
            step: Removes it until a deadline; takes and returns what ``remove_within`` does.
            then: Called afterwards, in any case.
        """
        with self._lock:
            is_too_many = len(self._waiting) >= WAITING
            if not is_too_many:
                self._waiting.append((path, step, then))
            starts = not is_too_many and not self._runs
            self._runs = self._runs or starts
        if is_too_many:
            log.warning("%s: is not removed before the end: %d others are waiting", path, WAITING)
            then()
        if starts:
            try:
                threading.Thread(target=self._run, name="remover", daemon=True).start()
            except RuntimeError:  # the kernel refuses a new thread; the end of the runner tries again
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
                    log.warning("%s: cannot be removed: %s; it is tried again at the end", path, why)
            except Exception:  # the others must still be removed
                log.exception("%s: cannot be removed", path)
            finally:
                then()


LATER = _Later()
