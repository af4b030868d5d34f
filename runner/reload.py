"""
Which generation of a script is current, decided at every call by the stamps of its files.

Must not know workers. Watching is only warmth: no answer here depends on an event.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .content import Generation, Helper, Part, Store, check_assembly, check_config, read_file
from .errors import ScriptError, ScriptInvalid, ScriptNotFound
from .rundir import BLOBS
from .settings import MIB
from .stamps import YOUNG_NS, Stamp, Stamps, stamp_of
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import Settings

log = logging.getLogger("runner.reload")

# A stamp from the future: the clock of a file server may be ahead by so much. More is a clock that was set back since,
# and then no later write can get this stamp again.
SKEW_NS = 60_000_000_000
LOOK_TRIES = 5
# mcs takes about 10 ms from deleting its old output to closing the new one; a busy machine makes it longer.
PATIENCE_S = 0.2
PATIENCE_NS = 200_000_000


@dataclass(frozen=True, slots=True)
class _Seen:
    """One look at all files of a script. ``trusted`` False: look again next time, whatever the stamps say."""

    stamps: Stamps
    trusted: bool
    found: Generation | ScriptError


class _Look:
    """What one look gathers: stamps, and the copies it counted in the store."""

    def __init__(self) -> None:
        self.stamps: dict[str, Stamp | None] = {}
        self.hand: list[str] = []
        self.trusted = True
        self.is_fresh = False
        """True when a file was written or deleted just now: trouble with it may pass in a moment."""


class Scripts:
    """
    The scripts in use, their current and their last good generations. Safe to use from several threads.

    Args:
        settings: ``max_script_mib``, ``deleted_grace_s``, ``observer``.
        run_dir: A private directory of the runner; copies go into its ``blobs``.
        changed: Called with a script's path, from a thread of the watch, when one of its files may have changed;
            often more than once per change. None: nothing is watched.
        clock: Monotonic seconds, for ``deleted_grace_s``.
        clock_ns: The wall clock that file times come from.
        stat: ``os.stat``, or a coarser one in a test.
    """

    def __init__(
        self,
        settings: Settings,
        run_dir: str | os.PathLike[str],
        changed: Callable[[str], None] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        clock_ns: Callable[[], int] = time.time_ns,
        stat: Callable[[str | int], os.stat_result] = os.stat,
    ) -> None:
        self._grace_s = settings.deleted_grace_s
        self._max_bytes = settings.max_script_mib * MIB
        # Where the directories of scripts are named, each file of a script has to be safe from everybody, not it alone.
        self._may_be_public = settings.script_dirs is None
        self._store = Store(Path(run_dir) / BLOBS)
        self._clock = clock
        self._clock_ns = clock_ns
        self._stat = stat
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}
        self._parts: dict[str, tuple[Stamp, Part]] = {}
        self._names: dict[str, tuple[str, ...]] = {}
        self._whole: dict[str, Generation] = {}  # the last complete one, loaded or not
        self._whole_at: dict[str, int] = {}  # which look it is from
        self._looks = itertools.count(1)
        self._good: dict[str, Generation] = {}  # the last one that was loaded
        self._rejected: dict[str, tuple[str, ScriptError]] = {}
        self._pinned: dict[str, Generation] = {}
        self._warned: dict[str, str] = {}
        self._gone: dict[str, float] = {}
        self._watch = Watch(settings.observer, changed) if changed and settings.observer != "none" else None

    def current(self, path: str) -> Generation:
        """
        The newest complete generation of a script, or the last good one while the newest is not.

        Nothing changed: a few ``os.stat``, nothing else. A symlink is followed, at every call; helpers and
        ``.config`` are looked for beside the path as given.

        Raises:
            ScriptNotFound: There is no such file, for longer than ``deleted_grace_s`` if it was there.
            ScriptInvalid: It cannot be read or is no assembly, and there is no generation to serve instead.
        """
        if (pinned := self._pinned.get(path)) is not None:
            return pinned
        seen = self._seen.get(path)
        if seen is None or not seen.trusted or not seen.stamps.hold():
            seen = self._look(path)
        return self._decide(path, seen.found)

    def stamps(self, path: str) -> dict[str, Stamp | None] | None:
        """
        What decided the last ``current``: while every file still has its stamp, that answer holds.

        Empty for a pinned script; None when the script has to be asked for anew in any case.
        """
        if path in self._pinned:
            return {}
        seen = self._seen.get(path)
        return seen.stamps.all if seen is not None and seen.trusted else None

    def extend(self, generation: Generation, names: tuple[str, ...]) -> Generation:
        """
        Look for helpers beside the script, NAME.dll before NAME.exe, and remember the names for its later builds.

        Returns:
            A generation with all names among its helpers, None for those that are not there. When the script was
            rebuilt meanwhile it is one of the new build.

        Raises:
            ScriptError: A helper is broken, or the script is by now.
        """
        path = generation.path
        with self._lock:
            known = self._names.get(path, ())
            self._names[path] = (*known, *(name for name in dict.fromkeys(names) if name not in known))
        if self._pinned.get(path) is generation:
            look = _Look()
            try:
                helpers = {name: self._helper(look, path, name) for name in names}
                for part in _parts_of(generation):
                    if self._store.take(part):
                        look.hand.append(part.hash)
                of = generation
                extended = self._keep(
                    look, Generation.of(path, of.assembly, of.symbols, of.config, of.helpers | helpers)
                )
            except BaseException:
                self._store.let_go(look.hand)
                raise
            self._pinned[path] = extended
            return extended
        found = self._look(path).found
        if isinstance(found, ScriptError):
            raise _again(found)
        return found

    def accept(self, generation: Generation) -> None:
        """Remember a generation that was loaded: it serves while a later one is broken."""
        path = generation.path
        if self._good.get(path) is not generation:
            with self._lock:
                self._good[path] = generation
                self._warned.pop(path, None)
            self._store.let_go(())

    def good(self, path: str) -> Generation | None:
        """The last generation of a script that was loaded; None when none was."""
        return self._good.get(path)

    def reject(self, generation: Generation, error: ScriptError) -> Generation:
        """
        Do not give out a generation again, since it cannot be loaded; its content is not tried again.

        Returns:
            The last good generation, to be served instead.

        Raises:
            ScriptError: ``error`` again, when there is no good one.
        """
        with self._lock:
            good = self._good.get(generation.path)
            if good is not None and good.id == generation.id:
                raise error  # it did load before, so the fault may pass
            self._rejected[generation.path] = (generation.id, error)
        return self._decide(generation.path, generation)

    def pin(self, path: str) -> Generation:
        """
        Keep serving what is there now, whatever happens to the files, until ``unpin``.

        Raises:
            ScriptError: As ``current``.
        """
        generation = self.current(path)
        with self._lock:
            return self._pinned.setdefault(path, generation)

    def unpin(self, path: str) -> None:
        """Let ``current`` look at the files again."""
        with self._lock:
            self._pinned.pop(path, None)

    def close(self) -> None:
        """End watching. Generations that were given out stay valid."""
        if self._watch is not None:
            self._watch.close()

    def _decide(self, path: str, found: Generation | ScriptError) -> Generation:
        """What is served: the generation found, unless it was rejected or is an error."""
        if isinstance(found, Generation):
            rejected, error = self._rejected.get(path, ("", None))
            if error is None or rejected != found.id:
                return found
            key = found.id
            good = self._good.get(path)
        else:
            error, key = found, str(found)
            good = self._whole.get(path)
            if good is None or good.id == self._rejected.get(path, ("", None))[0]:
                good = self._good.get(path)
        if good is None:
            raise _again(error)
        with self._lock:
            first = self._warned.get(path) != key
            self._warned[path] = key
        if first:
            log.warning("%s; generation %.8s still serves %s", error, good.id, path)
        return good

    def _look(self, path: str) -> _Seen:
        """Read what changed. Without a lock: the later of two looks wins, and stamps tell if that was the older."""
        patience_ends = 0.0
        tries = number = 0
        while True:
            look = _Look()
            found: Generation | ScriptError
            try:
                found = self._read(look, path)
            except ScriptError as error:
                found = error
                self._store.let_go(look.hand)
                # What was whole when the call began may be under a writer's hands by now: its next build is due. It
                # may also be there already, where this thread had to wait for a CPU since it read.
                now = time.monotonic()
                patience_ends = patience_ends or now + PATIENCE_S
                has_moved = not self._stood_still(look)
                tries += has_moved
                if (look.is_fresh and now < patience_ends) or (has_moved and tries < LOOK_TRIES):
                    time.sleep(0.001)
                    continue
                break
            except BaseException:
                self._store.let_go(look.hand)
                raise
            # A deployment may have been between two of the reads, so files that stood still together are preferred.
            # Where they never do, the last look still is newer than the begin of this call.
            tries += 1
            number = next(self._looks)
            if self._stood_still(look):
                break
            if tries >= LOOK_TRIES:
                look.trusted = False
                break
        seen = _Seen(Stamps(look.stamps, self._stat, self._clock_ns), look.trusted, found)
        with self._lock:
            before = self._seen.get(path)
            old = before.found if before is not None else None
            if isinstance(old, Generation) and isinstance(found, Generation) and old.id == found.id:
                seen = replace(seen, found=old)
            self._seen[path] = seen
            # Of two looks the later one's content is the newer, also where the other's thread comes here after it.
            if isinstance(seen.found, Generation) and number > self._whole_at.get(path, 0):
                self._whole[path], self._whole_at[path] = seen.found, number
        if self._watch is not None and (before is None or before.stamps.all != seen.stamps.all):
            self._watch.cover(path, seen.stamps.all)
        return seen

    def _stood_still(self, look: _Look) -> bool:
        """Whether all files are as they were read."""
        return all(stamp_of(file, self._stat) == stamp for file, stamp in look.stamps.items())

    def _read(self, look: _Look, path: str) -> Generation:
        good = self._whole.get(path)
        try:
            assembly = self._part(look, path, check_assembly)
        except ScriptNotFound:
            self._refuse_recent_absence(look, path, was_there=good is not None)
            with self._lock:
                self._good.pop(path, None)
                self._whole.pop(path, None)
            look.trusted = False
            raise
        symbols = self._symbols(look, path)
        config: Part | None = None
        try:
            config = self._part(look, f"{path}.config", check_config)
        except ScriptNotFound:
            was_there = good is not None and good.config is not None
            self._refuse_recent_absence(look, f"{path}.config", was_there=was_there)
        helpers = {name: self._helper(look, path, name) for name in self._names.get(path, ())}
        return self._keep(look, Generation.of(path, assembly, symbols, config, helpers))

    def _keep(self, look: _Look, generation: Generation) -> Generation:
        """Tie the copies in the look's hand to the life of a generation."""
        weakref.finalize(generation, self._store.let_go_later, tuple(look.hand)).atexit = False
        look.hand = []
        return generation

    def _helper(self, look: _Look, path: str, name: str) -> Helper | None:
        if name.upper() == "SR" or not name or {"/", "\0"} & set(name):
            return None  # the bridge's own SR.dll always wins
        base = os.path.join(os.path.dirname(path), name)  # noqa: PTH118, PTH120  # as given: Path would drop a "./"
        for file in (f"{base}.dll", f"{base}.exe"):
            try:
                assembly = self._part(look, file, check_assembly)
            except ScriptNotFound:
                continue
            return Helper(assembly, self._symbols(look, file))
        good = self._good.get(path) or self._whole.get(path)
        there = good.helpers.get(name) if good is not None else None
        self._refuse_recent_absence(look, there.path if there else base, was_there=there is not None)
        return None

    def _symbols(self, look: _Look, assembly: str) -> Part | None:
        stem, _ = os.path.splitext(assembly)  # noqa: PTH122  # as above
        for file in (f"{stem}.pdb", f"{assembly}.mdb"):
            try:
                return self._part(look, file, None)
            except ScriptError:
                continue  # symbols are a comfort, a bad one is none
        return None

    def _part(self, look: _Look, file: str, check: Callable[[str, bytes], None] | None) -> Part:
        now_ns = self._clock_ns()
        stamp = look.stamps[file] = stamp_of(file, self._stat)
        young = stamp is not None and _is_within(stamp, now_ns, YOUNG_NS, SKEW_NS)
        look.trusted = look.trusted and not young
        look.is_fresh = look.is_fresh or (stamp is not None and _is_within(stamp, now_ns, PATIENCE_NS, PATIENCE_NS))
        known = self._parts.get(file)
        if known is not None and known[0] == stamp and self._store.take(known[1]):
            look.hand.append(known[1].hash)
            self._gone.pop(file, None)
            return known[1]
        try:
            data, stamp = read_file(file, self._max_bytes, self._stat, may_be_public=self._may_be_public)
            look.stamps[file] = stamp
            young = _is_within(stamp, now_ns, YOUNG_NS, SKEW_NS)
            look.trusted = look.trusted and not young
            look.is_fresh = look.is_fresh or _is_within(stamp, now_ns, PATIENCE_NS, PATIENCE_NS)
            if check is not None:
                check(file, data)
            part = self._store.put(file, data)
        except ScriptInvalid as error:
            # What the system refuses now (no descriptor, no room) it may grant at the next exec, the file as it is.
            look.trusted = look.trusted and not isinstance(error.__cause__, OSError)
            raise
        look.hand.append(part.hash)
        with self._lock:
            self._gone.pop(file, None)
            if young:
                self._parts.pop(file, None)
            else:
                self._parts[file] = (stamp, part)
        return part

    def _refuse_recent_absence(self, look: _Look, file: str, *, was_there: bool) -> None:
        """
        Compilers and editors delete and write anew: what served stays until the file has been gone for a while.

        Raises:
            ScriptInvalid: The file was there, and is gone for less than ``deleted_grace_s``.
        """
        if not was_there:
            return
        now = self._clock()
        with self._lock:
            since = self._gone.setdefault(file, now)
        if now - since >= self._grace_s:
            return
        look.trusted = False
        look.is_fresh = now - since < PATIENCE_S
        raise ScriptInvalid(f"{file}: was deleted and is not written anew yet")


def _parts_of(generation: Generation) -> list[Part]:
    parts = [generation.assembly, generation.symbols, generation.config]
    for helper in generation.helpers.values():
        if helper is not None:
            parts += [helper.assembly, helper.symbols]
    return [part for part in parts if part is not None]


def _is_within(stamp: Stamp, now_ns: int, before_ns: int, after_ns: int) -> bool:
    return -before_ns < stamp.ctime_ns - now_ns < after_ns


def _again(error: ScriptError) -> ScriptError:
    """A fresh copy to raise: one that is kept would gather tracebacks, from several threads."""
    return type(error)(str(error), error.detail)
