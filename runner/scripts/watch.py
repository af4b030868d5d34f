"""
Notices that a file of a script may have changed, by inotify or polling.

Nothing may rely on it: events may be late, doubled or missing, and then scripts are only loaded a little later.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

log = logging.getLogger("runner.watch")

# inotify also reports every open and read, ours as well. mcs deletes and rewrites its output (deleted, created,
# 4 x modified, closed), so "modified" says nothing that "closed" does not. Polling has no "closed".
TELLING = {
    "inotify": frozenset({"created", "deleted", "moved", "closed"}),
    "polling": frozenset({"created", "deleted", "moved", "modified"}),
}
MOST_SCRIPTS = 1024  # that are watched; a change of any other is seen at its next exec
LONGEST_LINK_CHAIN = 40  # as in the kernel, path_resolution(7)
REVIEW_S = 2.0  # how often to look for directories that were deleted and made again; an event makes it sooner
JOIN_S = 2.0


class Watch:
    """
    Watches the directories of scripts' files, of the targets of symlinks and of the symlinks themselves.

    Args:
        kind: ``inotify`` or ``polling``; inotify falls back to polling, with a warning, when the kernel refuses.
        changed: Called with a script's path, from a thread of the watch. It must not wait for the watch.
    """

    def __init__(self, kind: str, changed: Callable[[str], None]) -> None:
        # A process that watches nothing must not need watchdog, so it is imported here. Not later: a process out of
        # descriptors cannot import, and Python remembers that what it could not see then is not there.
        import watchdog.observers  # noqa: PLC0415  # as in _start
        import watchdog.observers.polling  # noqa: F401, PLC0415  # the same

        self._kind = kind
        self._changed = changed
        self._lock = threading.Lock()
        self._files: dict[str, frozenset[str]] = {}  # script -> its files
        self._scripts: dict[str, set[str]] = {}  # any path of interest -> scripts
        self._watches: dict[str, tuple[tuple[int, int], Any]] = {}  # directory -> its identity and watchdog's watch
        self._stale: set[str] = set()  # directories that an event called deleted, moved or made: inodes are reused
        self._observer: Any = None
        self._closed = False
        self._due = threading.Event()
        self._thread: threading.Thread | None = None

    def cover(self, script: str, files: Iterable[str]) -> None:
        """Watch these files of a script, there or not, instead of those before. Returns at once."""
        with self._lock:
            if self._closed:
                return
            self._files.pop(script, None)
            self._files[script] = frozenset(files)
            if len(self._files) > MOST_SCRIPTS:
                del self._files[next(iter(self._files))]  # the one that changed least recently
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
        self._due.set()

    def close(self) -> None:
        """End watching; no call of ``changed`` begins after this."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._due.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(JOIN_S)

    def _run(self) -> None:
        while not self._closed:
            self._due.wait(REVIEW_S)
            self._due.clear()
            try:
                if not self._closed:
                    self._review()
            except OSError as error:
                log.warning("watching failed, scripts are not loaded ahead for a while: %s", error)
            except Exception:  # warmth only: whatever watchdog or a file system does, execs go on
                log.exception("watching failed, scripts are not loaded ahead for a while")
        observer, self._observer = self._observer, None
        if observer is not None:
            with suppress(Exception):  # watchdog's threads may have ended by themselves
                observer.stop()
                observer.join(JOIN_S)

    def _review(self) -> None:
        """Begin with new directories, and those that were replaced; end with what is no longer needed."""
        with self._lock:
            files = dict(self._files)
        scripts: dict[str, set[str]] = {}
        directories: set[str] = set()
        for script, names in files.items():
            for name in names:
                paths = _ways_to(name)
                for path in paths:
                    scripts.setdefault(path, set()).add(script)
                directories |= {os.path.dirname(path) for path in paths}  # noqa: PTH120  # texts, as events have them
        with self._lock:
            self._scripts = scripts
        for directory in set(self._watches) - directories:
            self._unwatch(directory)
        for directory in sorted(directories):
            identity = _identity(directory)
            before = self._watches.get(directory)
            is_stale = directory in self._stale
            self._stale.discard(directory)
            if before is not None and (is_stale or before[0] != identity):
                self._unwatch(directory)
                for script in {name for path, found in scripts.items() if path.startswith(directory) for name in found}:
                    self._tell(script)
            if identity is not None and directory not in self._watches:
                self._watch(directory, identity)

    def _watch(self, directory: str, identity: tuple[int, int]) -> None:
        try:
            if self._observer is None:
                self._observer = self._start()
            watch = self._observer.schedule(_handler(self._on_event), directory, recursive=False)
        except FileNotFoundError:
            return  # gone again; the next review finds it
        except OSError as error:
            if self._kind != "inotify" or not _has_descriptors():
                raise  # the next review may find some
            log.warning("inotify refuses (%s): polling from now on; see fs.inotify in sysctl", error)
            observer, self._observer = self._observer, None
            if observer is not None:
                observer.stop()
            self._kind = "polling"
            self._watches.clear()
            self._due.set()
            return
        self._watches[directory] = (identity, watch)

    def _unwatch(self, directory: str) -> None:
        _, watch = self._watches.pop(directory)
        with suppress(Exception):  # inotify has dropped the watch of a deleted directory by itself
            self._observer.unschedule(watch)

    def _start(self) -> Any:
        if self._kind == "inotify":
            from watchdog.observers import Observer  # noqa: PLC0415
        else:
            from watchdog.observers.polling import PollingObserver as Observer  # noqa: PLC0415
        # An event that comes as a directory is let go of is an error to it, and nothing to us.
        logging.getLogger("watchdog").setLevel(logging.CRITICAL)
        observer = Observer()
        observer.start()
        return observer

    def _on_event(self, event: Any) -> None:
        if event.event_type not in TELLING[self._kind]:
            return
        with self._lock:
            scripts = set()
            for path in (event.src_path, event.dest_path):
                scripts |= self._scripts.get(os.fsdecode(path), set())
                if event.event_type != "modified" and os.fsdecode(path) in self._watches:
                    self._stale.add(os.fsdecode(path))
        for script in scripts:
            self._tell(script)
        if scripts:
            self._due.set()  # a directory or a symlink on the way may be another one now

    def _tell(self, script: str) -> None:
        if self._closed:
            return
        try:
            self._changed(script)
        except Exception:  # the callback's fault must not end the thread of watchdog
            log.exception("loading %s ahead failed", script)


def _handler(on_event: Callable[[Any], None]) -> Any:
    from watchdog.events import FileSystemEventHandler  # noqa: PLC0415  # as in _start

    class Handler(FileSystemEventHandler):
        def on_any_event(self, event: Any) -> None:
            on_event(event)

    return Handler()


def _has_descriptors() -> bool:
    """Whether this process can open another file; if not, that was the limit, and not inotify's."""
    try:
        for end in os.pipe2(os.O_CLOEXEC):
            os.close(end)
    except OSError:
        return False
    return True


def _identity(directory: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(directory)  # noqa: PTH116  # texts, as events have them
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _ways_to(file: str) -> set[str]:
    """
    The paths whose change may change what ``file`` names.

    The file itself, its directories, each symlink on the way, and what those point to.
    """
    ways: set[str] = set()
    todo = [os.path.abspath(file)]  # noqa: PTH100  # not resolved
    for _ in range(LONGEST_LINK_CHAIN):
        if not todo:
            break
        path = todo.pop()
        ways.add(path)
        parts = path.split(os.sep)  # noqa: PTH206  # texts, as events have them
        for count in range(2, len(parts) + 1):
            prefix = os.sep.join(parts[:count])  # noqa: PTH118
            try:
                target = os.readlink(prefix)  # noqa: PTH115
            except OSError:
                continue
            ways.add(prefix)
            there = os.path.join(os.path.dirname(prefix), target, *parts[count:])  # noqa: PTH118, PTH120
            todo.append(os.path.normpath(there))
            break
    # Of each path its directory too: where one is made again, that is seen from the one above.
    return ways | {parent for path in ways if (parent := os.path.dirname(path)) != os.sep}  # noqa: PTH120
