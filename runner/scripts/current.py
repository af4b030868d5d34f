"""
Which generation of a script is current, decided at every call by the stamps of its files.

Must not know workers. Watching is only warmth: no answer here depends on an event.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import CompilerLost, ScriptError, ScriptInvalid
from runner.runtimes.known import Runtimes

from .builds import PATIENCE_S, Builds
from .compiling import Compiling
from .files import MAX_FILE_BYTES, Files, Look
from .generation import Generation
from .script import Script, another
from .stamps import Stamps
from .store import Store
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.settings import Settings

    from .generation import Helper, Part
    from .stamps import Stamp

LOOK_TRIES = 5
# More scripts than a site has in use, and names by which one script is called. What is forgotten is looked at again.
MOST_SCRIPTS = 1024
MOST_NAMES = 2048
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What one name of a script led to when it was last looked at.

    Attributes:
        script: All that is known of it, shared by all its names.
        found: Its build, or why there is none.
        stamps: Of the files that were looked at. Of none for a name that is pinned: they always hold.
        trusted: False: look again next time, whatever the stamps say.
        is_pinned: ``found`` is served until ``unpin``.
    """

    script: Script
    found: Generation | ScriptError
    stamps: Stamps
    trusted: bool
    is_pinned: bool = False


class CurrentScripts:
    """
    The scripts in use, their current and their last good generations. Safe to use from several threads.

    A script is known by where it really is; the names that lead there, through symbolic links or not, are remembered
    for as long as there are not too many.

    Args:
        settings: ``observer``, ``script_dirs``, ``scripts``, ``runtimes``, ``start_timeout_s``.
        copies: A private directory of the runner, for the copies.
        changed: Called with a script's path, from a thread of the watch, when one of its files may have changed;
            often more than once per change. None: nothing is watched.
        lost: Called with a build that took the compiler with it.
        clock: Monotonic seconds, for ``builds.DELETED_GRACE_S``.
        clock_ns: The wall clock that file times come from.
        stat: ``os.stat``, or a coarser one in a test.

    Attributes:
        seen: What each name led to, by the path as it was given; always the same dictionary.
    """

    def __init__(
        self,
        settings: Settings,
        copies: str | os.PathLike[str],
        changed: Callable[[str], None] | None = None,
        lost: Callable[[Generation], None] = lambda _: None,
        *,
        clock: Callable[[], float] = time.monotonic,
        clock_ns: Callable[[], int] = time.time_ns,
        stat: Callable[[str | int], os.stat_result] = os.stat,
    ) -> None:
        self._store = Store(Path(copies))
        self._files = Files(MAX_FILE_BYTES, stat, clock_ns)
        runtimes = Runtimes(settings)
        self._files.suffixes = runtimes.suffixes
        self._builds = Builds(self._files, runtimes, clock)
        self._builds.take_settings(settings)
        self._lost = lost
        self._start_s = settings.start_timeout_s
        self._clock_ns = clock_ns
        self._stat = stat
        self._lock = threading.Lock()
        self._scripts: dict[str, Script] = {}  # by the path without symbolic links
        self.seen: dict[str, Seen] = {}
        self._looks = itertools.count(1)
        self._watch = Watch(settings.observer, changed) if changed and settings.observer != "none" else None
        self._compiling = Compiling(self._store, runtimes, stays_warm=self._watch is not None)

    @property
    def store(self) -> Store:
        """The copies."""
        return self._store

    def take_settings(self, settings: Settings) -> bool:
        """As ``Builds.take_settings``; where something changed, what was known is forgotten."""
        with self._lock:
            if not self._builds.take_settings(settings):
                return False
            for name in [name for name, seen in self.seen.items() if not seen.is_pinned]:
                del self.seen[name]
            # A pinned name goes on with its own script, and so does everybody who asks for that script.
            self._scripts = {seen.script.path: seen.script for seen in self.seen.values()}
            return True

    def current(self, path: str) -> Generation:
        """
        The newest complete generation of a script, or the last good one while the newest is not.

        Nothing changed: a few ``os.stat``, nothing else. Symbolic links are followed, and seen when they change;
        helpers and ``.config`` are looked for where the script really is.

        Raises:
            ScriptNotFound: There is no such file, for longer than ``builds.DELETED_GRACE_S`` if it was there.
            ScriptInvalid: It cannot be read or is no assembly, and there is no generation to serve instead.
        """
        seen = self.seen.get(path)
        if seen is None or not seen.trusted or not seen.stamps.hold():
            seen = self._look(path)
        return seen.script.serve(seen.found)

    def ready(self, generation: Generation, deadline: float | None = None, *, may_replace: bool = True) -> Generation:
        """
        The build to load for a generation that ``current`` or ``extend`` gave: compiled, where its runtime wants that.

        Args:
            generation: The generation.
            deadline: End of the wait for the compiler, on ``time.monotonic``; None: in ``start_timeout_s``.
            may_replace: Whether the last good generation serves where this one does not compile.

        Raises:
            ScriptError: It does not compile, and there is no generation to serve instead.
            PoolExhausted: It was not compiled in time, and goes on being compiled; or there is no compiler.
            CompilerLost: The compiler died, or took too long.
        """
        ends = time.monotonic() + self._start_s if deadline is None else deadline
        while True:
            try:
                needs = self._compiling.needs(generation, ends)
            except ScriptInvalid as error:
                if not may_replace:
                    raise
                generation = self.reject(generation, error)
                continue
            except CompilerLost:
                self._lost(generation)
                raise
            if not needs:
                return generation
            generation = self.extend(generation, needs)

    def stamps(self, path: str) -> Stamps | None:
        """
        What decided the last ``current``: while they hold, that answer does.

        Of no file for a pinned script; None when the script has to be asked for again in any case.
        """
        seen = self.seen.get(path)
        return seen.stamps if seen is not None and seen.trusted else None

    def knows(self, path: str) -> bool:
        """Whether a script was found by that name."""
        return path in self._scripts or path in self.seen

    def copy_of(self, part: Part) -> Path:
        """Where the copy of a file lies, for as long as its generation lives."""
        return self._store.copy_of(part.hash)

    def extend(self, generation: Generation, names: tuple[str, ...], *, are_plugins: bool = False) -> Generation:
        """
        Look for helpers beside the script, NAME.dll before NAME.exe, and remember the names for its later builds.

        Args:
            generation: The script's, of whatever age.
            names: Simple names of assemblies.
            are_plugins: The running script asked for them, so another build of it may not.

        Returns:
            A generation with all names among its helpers, None for those that are not there. When the script was
            rebuilt meanwhile it is one of the new build.

        Raises:
            ScriptError: A helper is broken, or the script is by now; or these are too many names.
        """
        with self._lock:
            pinned = [name for name, seen in self.seen.items() if seen.is_pinned and seen.found is generation]
        script = self._script(generation.path)
        if pinned:
            with Look(self._store) as look:
                extended = self._builds.extended(look, script, generation, names)
            for name in pinned:
                self._pin(name, script, extended)
            return extended
        if are_plugins:
            script.add_plugins(generation.file.hash, names)
        else:
            script.add_helpers(names)
        with self._lock:
            for name, seen in self.seen.items():
                if seen.script is script and not seen.is_pinned:
                    self.seen[name] = replace(seen, trusted=False)  # what was found there is without these
        found = self._look(generation.path).found
        if isinstance(found, ScriptError):
            raise another(found)
        return found

    def plugin(self, generation: Generation, name: str) -> Helper | None:
        """
        An assembly beside a script that its running build loads by its simple name; from now on one of its helpers.

        Returns:
            None when there is none; then nothing is remembered.

        Raises:
            ScriptError: It is broken, or as ``extend``.
        """
        with Look(self._store) as look:
            helper = self._builds.helper(look, self._script(generation.path), name)
            if helper is not None:
                self.extend(generation, (name,), are_plugins=True)
        return helper

    def accept(self, generation: Generation) -> None:
        """Remember a generation that was loaded: it serves while a later one is broken."""
        script = self._scripts.get(generation.path)
        before = None if script is None else script.good
        if script is not None and script.accept(generation):
            if before is not None and before.id != generation.id:
                script.note_reload(self._changed_s(generation))
            self._store.release(())  # the build that it takes the place of may have been the last to need some

    def _changed_s(self, generation: Generation) -> float:
        """Seconds since the last change of the files of a build; 0 where it is not what they are now."""
        with self._lock:
            stamps = next((seen.stamps for seen in self.seen.values() if seen.found is generation), None)
        if stamps is None:
            return 0.0
        changes = [stamp.ctime_ns for stamp in (*stamps.all.values(), *stamps.links.values()) if stamp is not None]
        return max(0.0, (self._clock_ns() - max(changes, default=self._clock_ns())) / NS_PER_S)

    def reloads(self) -> dict[str, tuple[int, float, float]]:
        """By script: how many builds took the place of another one, ``Script.live_s`` and ``Script.live_at``."""
        with self._lock:
            return {path: (script.reloads, script.live_s, script.live_at) for path, script in self._scripts.items()}

    def good(self, path: str) -> Generation | None:
        """The last generation of a script that was loaded; None when none was."""
        script = self._scripts.get(path)
        return None if script is None else script.good

    def reject(self, generation: Generation, error: ScriptError) -> Generation:
        """
        Do not give out a generation again, since it cannot be loaded; its content is not tried again.

        Returns:
            The last good generation, to be served instead.

        Raises:
            ScriptError: ``error`` again, when there is no good one.
        """
        script = self._script(generation.path)
        script.reject(generation, error)
        return script.serve(generation)

    def pin(self, path: str) -> Generation:
        """
        Keep serving what is there now, whatever happens to the files, until ``unpin``.

        Raises:
            ScriptError: As ``current``.
        """
        generation = self.current(path)
        self._pin(path, self._script(generation.path), generation)
        return generation

    def _pin(self, path: str, script: Script, generation: Generation) -> None:
        with self._lock:
            self.seen[path] = Seen(script, generation, Stamps({}), trusted=True, is_pinned=True)

    def unpin(self, path: str) -> None:
        """Let ``current`` look at the files again."""
        with self._lock:
            seen = self.seen.get(path)
            if seen is not None and seen.is_pinned:
                self.seen[path] = replace(seen, trusted=False, is_pinned=False)

    def close(self) -> None:
        """End watching. Generations that were given out stay valid."""
        if self._watch is not None:
            self._watch.close()

    def _script(self, path: str, before: Script | None = None) -> Script:
        """What is known of the script at ``path``, without symbolic links; ``before``: to which its name led before."""
        with self._lock:
            script = self._scripts.pop(path, None)
            if script is None:
                script = Script(path)
                if before is not None:
                    script.in_place_of(before)
            self._scripts[path] = script  # the most recently used last
            if len(self._scripts) > MOST_SCRIPTS:
                del self._scripts[next(iter(self._scripts))]
        return script

    def _look(self, path: str) -> Seen:
        """Read what changed. Without a lock: the later of two looks wins, and stamps tell if that was the older."""
        before = self.seen.get(path)
        script = before.script if before is not None else None
        patience_ends = 0.0
        waited_for: dict[str, Stamp | None] = {}
        tries = number = writes = 0
        while True:
            found: Generation | ScriptError
            with Look(self._store) as look:
                try:
                    script = self._find(look, path, script)
                    found = self._builds.read(look, script)
                except ScriptError as error:
                    if script is None:
                        raise  # never seen, and nothing to remember: whoever calls it may have made the name up
                    found = error
            if isinstance(found, ScriptError):
                # What was whole when the call began may be half written by now: its next build is due. It may also be
                # there already, if this thread had to wait for a CPU after it read.
                now = time.monotonic()
                # Other stamps are another write: the one that was waited for is over, only nobody saw it whole.
                if look.stamps != waited_for and writes < LOOK_TRIES:
                    waited_for = look.stamps
                    writes += 1
                    patience_ends = now + PATIENCE_S
                # A file that is cut to be written again has its old times for a moment (fs/ext4/inode.c, ext4_setattr).
                is_new = before is not None and before.stamps.differ_from(look.stamps)
                has_moved = not self._files.have_stood_still(look)
                tries += has_moved
                if ((look.is_fresh or is_new) and now < patience_ends) or (has_moved and tries < LOOK_TRIES):
                    time.sleep(0.001)
                    continue
                break
            # A deployment may have come between two of the reads, so files that stood still together are preferred.
            # Where they never do, even the last look is newer than the start of this call.
            tries += 1
            number = next(self._looks)
            if self._files.have_stood_still(look):
                break
            if tries >= LOOK_TRIES:
                look.trusted = False
                break
        return self._remember(path, script, look, found, number)

    def _remember(self, path: str, script: Script, look: Look, found: Generation | ScriptError, number: int) -> Seen:
        stamps = Stamps(look.stamps, self._stat, self._clock_ns, look.links)
        with self._lock:
            before = self.seen.get(path)
            if isinstance(found, Generation):
                found = script.found(found, number)
            seen = Seen(script, found, stamps, look.trusted)
            if before is not None and before.is_pinned:
                return seen
            self.seen.pop(path, None)
            self.seen[path] = seen  # the one that changed most recently last
            if len(self.seen) > MOST_NAMES:
                del self.seen[next(name for name, old in self.seen.items() if not old.is_pinned)]
        is_same = before is not None and (before.stamps.all, before.stamps.links) == (stamps.all, stamps.links)
        if self._watch is not None and not is_same:
            name = os.path.normpath(path) if stamps.links else script.path  # one of all that say the same
            self._watch.cover(name, {name, *stamps.all})
        return seen

    def _find(self, look: Look, path: str, before: Script | None) -> Script:
        """
        The script that a name leads to now; ``before``: the one that it led to before.

        Raises:
            ScriptError: As ``Builds.find``.
        """
        real = self._builds.find(look, path, before)
        return before if before is not None and before.path == real else self._script(real, before)
