"""
Which generation of a script is current, decided at every call by the stamps of its files.

Must not know workers. Watching is only warmth: no answer here depends on an event.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import ScriptError, ScriptInvalid, ScriptNotFound

from .files import PATIENCE_NS, Files, Look
from .generation import Generation, Helper, Part, Store, check_assembly, check_config
from .script import Script, another, together
from .stamps import Stamps
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runner.settings import Settings

LOOK_TRIES = 5
# mcs takes about 10 ms from deleting its old output to closing the new one; a busy machine makes it longer.
PATIENCE_S = PATIENCE_NS / 1e9
# For which a deleted script is still served. Compilers and deployments delete before they write; a script that is gone
# for good may run as much longer.
DELETED_GRACE_S = 5.0
# A file is read into memory and copied; the largest assemblies of .NET have some 10 MiB.
MAX_FILE_BYTES = 64 * 1024 * 1024
# More scripts than a site has in use, and names by which one script is called. What is forgotten is looked at again.
MOST_SCRIPTS = 1024
MOST_NAMES = 2048


@dataclass(frozen=True, slots=True)
class _Seen:
    """One look at all files of a script. ``trusted`` False: look again next time, whatever the stamps say."""

    stamps: Stamps
    trusted: bool
    found: Generation | ScriptError
    script: Script


class Scripts:
    """
    The scripts in use, their current and their last good generations. Safe to use from several threads.

    A script is known by where it really is; the names that lead there, through symbolic links or not, are remembered
    for as long as there are not too many.

    Args:
        settings: ``observer``, ``script_dirs``.
        copies: A private directory of the runner, for the copies.
        changed: Called with a script's path, from a thread of the watch, when one of its files may have changed;
            often more than once per change. None: nothing is watched.
        clock: Monotonic seconds, for ``DELETED_GRACE_S``.
        clock_ns: The wall clock that file times come from.
        stat: ``os.stat``, or a coarser one in a test.
    """

    def __init__(
        self,
        settings: Settings,
        copies: str | os.PathLike[str],
        changed: Callable[[str], None] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        clock_ns: Callable[[], int] = time.time_ns,
        stat: Callable[[str | int], os.stat_result] = os.stat,
    ) -> None:
        self._store = Store(Path(copies))
        self._files = Files(self._store, MAX_FILE_BYTES, stat, clock_ns)
        self._files.directories = settings.script_dirs
        self._clock = clock
        self._clock_ns = clock_ns
        self._stat = stat
        self._lock = threading.Lock()
        self._seen: dict[str, _Seen] = {}  # by the path as it was given
        self._scripts: dict[str, Script] = {}  # by the path without symbolic links
        self._looks = itertools.count(1)
        self._pinned: dict[str, Generation] = {}
        self._watch = Watch(settings.observer, changed) if changed and settings.observer != "none" else None

    def restrict(self, directories: Sequence[Path] | None) -> None:
        """Scripts have to be below these directories from now on (``script_dirs``). What was known is forgotten."""
        with self._lock:
            self._files.directories = directories
            self._seen.clear()
            self._scripts.clear()

    def current(self, path: str) -> Generation:
        """
        The newest complete generation of a script, or the last good one while the newest is not.

        Nothing changed: a few ``os.stat``, nothing else. Symbolic links are followed, and seen when they change;
        helpers and ``.config`` are looked for where the script really is.

        Raises:
            ScriptNotFound: There is no such file, for longer than ``DELETED_GRACE_S`` if it was there.
            ScriptInvalid: It cannot be read or is no assembly, and there is no generation to serve instead.
        """
        if (pinned := self._pinned.get(path)) is not None:
            return pinned
        seen = self._seen.get(path)
        if seen is None or not seen.trusted or not seen.stamps.hold():
            seen = self._look(path)
        return seen.script.serve(seen.found)

    def stamps(self, path: str) -> Stamps | None:
        """
        What decided the last ``current``: while they hold, that answer does.

        Of no file for a pinned script; None when the script has to be asked for again in any case.
        """
        if path in self._pinned:
            return Stamps({})
        seen = self._seen.get(path)
        return seen.stamps if seen is not None and seen.trusted else None

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
        for path, pinned in list(self._pinned.items()):
            if pinned is generation:
                return self._extend_pinned(path, pinned, names)
        script = self._script(generation.path)
        if are_plugins:
            script.add_plugins(generation.assembly.hash, names)
        else:
            script.add_helpers(names)
        with self._lock:
            for name in [name for name, seen in self._seen.items() if seen.script is script]:
                del self._seen[name]  # what was found there is without these
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
        look = Look()
        try:
            helper = self._helper(look, self._script(generation.path), name)
            if helper is not None:
                self.extend(generation, (name,), are_plugins=True)
        finally:
            self._store.let_go(look.held)
        return helper

    def _extend_pinned(self, path: str, pinned: Generation, names: tuple[str, ...]) -> Generation:
        together(tuple(pinned.helpers), names, pinned.path)
        look, of = Look(), pinned
        try:
            script = self._script(of.path)
            helpers = of.helpers | {name: self._helper(look, script, name) for name in names}
            look.held += [part.hash for part in of.parts() if self._store.take(part)]
            extended = self._keep(look, Generation.of(of.path, of.assembly, of.symbols, of.config, helpers))
        except BaseException:
            self._store.let_go(look.held)
            raise
        self._pinned[path] = extended
        return extended

    def accept(self, generation: Generation) -> None:
        """Remember a generation that was loaded: it serves while a later one is broken."""
        script = self._scripts.get(generation.path)
        if script is not None and script.accept(generation):
            self._store.let_go(())

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

    def _look(self, path: str) -> _Seen:
        """Read what changed. Without a lock: the later of two looks wins, and stamps tell if that was the older."""
        before = self._seen.get(path)
        script = before.script if before is not None else None
        patience_ends = 0.0
        tries = number = 0
        while True:
            look = Look()
            found: Generation | ScriptError
            try:
                script = self._find(look, path, script)
                found = self._read(look, script)
            except ScriptError as error:
                if script is None:
                    raise  # never seen, and nothing to remember: whoever calls it may have made the name up
                found = error
                self._store.let_go(look.held)
                # What was whole when the call began may be under a writer's hands by now: its next build is due. It
                # may also be there already, where this thread had to wait for a CPU since it read.
                now = time.monotonic()
                patience_ends = patience_ends or now + PATIENCE_S
                has_moved = not self._files.have_stood_still(look)
                tries += has_moved
                if (look.is_fresh and now < patience_ends) or (has_moved and tries < LOOK_TRIES):
                    time.sleep(0.001)
                    continue
                break
            except BaseException:
                self._store.let_go(look.held)
                raise
            # A deployment may have been between two of the reads, so files that stood still together are preferred.
            # Where they never do, the last look still is newer than the begin of this call.
            tries += 1
            number = next(self._looks)
            if self._files.have_stood_still(look):
                break
            if tries >= LOOK_TRIES:
                look.trusted = False
                break
        return self._remember(path, script, look, found, number)

    def _remember(self, path: str, script: Script, look: Look, found: Generation | ScriptError, number: int) -> _Seen:
        stamps = Stamps(look.stamps, self._stat, self._clock_ns, look.links)
        with self._lock:
            before = self._seen.pop(path, None)
            if isinstance(found, Generation):
                found = script.found(found, number)
            seen = self._seen[path] = _Seen(stamps, look.trusted, found, script)
            if len(self._seen) > MOST_NAMES:
                del self._seen[next(iter(self._seen))]
        is_same = before is not None and (before.stamps.all, before.stamps.links) == (stamps.all, stamps.links)
        if self._watch is not None and not is_same:
            name = os.path.normpath(path) if stamps.links else script.path  # one of all that say the same
            self._watch.cover(name, {name, *stamps.all})
        return seen

    def _find(self, look: Look, path: str, before: Script | None) -> Script:
        """
        The script that a name leads to now.

        Raises:
            ScriptError: As ``Files.find``; also when it was there until a moment ago.
        """
        try:
            real = self._files.find(look, path)
        except ScriptError as error:
            look.trusted = False  # there is no file whose stamp could say that this holds
            if before is not None and isinstance(error, ScriptNotFound):
                look.stamps[before.path] = None
                self._miss_script(look, before)
            raise
        return before if before is not None and before.path == real else self._script(real, before)

    def _read(self, look: Look, script: Script) -> Generation:
        path, good = script.path, script.whole
        try:
            assembly = self._part(look, script, path, check_assembly)
        except ScriptNotFound:
            self._miss_script(look, script)
            raise
        symbols = self._symbols(look, script, path)
        config: Part | None = None
        try:
            config = self._part(look, script, f"{path}.config", check_config)
        except ScriptNotFound:
            was_there = good is not None and good.config is not None
            self._refuse_recent_absence(look, script, f"{path}.config", was_there=was_there)
        helpers = {name: self._helper(look, script, name) for name in script.names_beside(assembly.hash)}
        return self._keep(look, Generation.of(path, assembly, symbols, config, helpers))

    def _part(self, look: Look, script: Script, file: str, check: Callable[[str, bytes], None] | None) -> Part:
        part = self._files.part(look, file, check)
        script.gone.pop(file, None)
        return part

    def _keep(self, look: Look, generation: Generation) -> Generation:
        """Tie the copies that the look holds to the life of a generation."""
        weakref.finalize(generation, self._store.let_go_later, tuple(look.held)).atexit = False
        look.held = []
        return generation

    def _helper(self, look: Look, script: Script, name: str) -> Helper | None:
        if name.upper() == "SR" or not name or {"/", "\0"} & set(name):
            return None  # the bridge's own SR.dll always wins
        base = os.path.join(os.path.dirname(script.path), name)  # noqa: PTH118, PTH120  # texts, as stamps have them
        for file in (f"{base}.dll", f"{base}.exe"):
            try:
                assembly = self._part(look, script, file, check_assembly)
            except ScriptNotFound:
                continue
            return Helper(assembly, self._symbols(look, script, file))
        good = script.good or script.whole
        there = good.helpers.get(name) if good is not None else None
        self._refuse_recent_absence(look, script, there.path if there else base, was_there=there is not None)
        return None

    def _symbols(self, look: Look, script: Script, assembly: str) -> Part | None:
        stem, _ = os.path.splitext(assembly)  # noqa: PTH122  # as above
        for file in (f"{stem}.pdb", f"{assembly}.mdb"):
            try:
                return self._part(look, script, file, None)
            except ScriptError:
                continue  # symbols are a comfort, a bad one is none
        return None

    def _miss_script(self, look: Look, script: Script) -> None:
        """
        The script itself is not there. After a while, it is forgotten.

        Raises:
            ScriptInvalid: As ``_refuse_recent_absence``.
        """
        self._refuse_recent_absence(look, script, script.path, was_there=script.whole is not None)
        script.lost()
        look.trusted = False

    def _refuse_recent_absence(self, look: Look, script: Script, file: str, *, was_there: bool) -> None:
        """
        Compilers and editors delete and write anew: what served stays until the file has been gone for a while.

        Raises:
            ScriptInvalid: The file was there, and is gone for less than ``DELETED_GRACE_S``.
        """
        if not was_there:
            return
        now = self._clock()
        gone_s = now - script.gone.setdefault(file, now)
        if gone_s >= DELETED_GRACE_S:
            return
        look.trusted, look.is_fresh = False, gone_s < PATIENCE_S
        raise ScriptInvalid(f"{file}: was deleted and is not written anew yet")
