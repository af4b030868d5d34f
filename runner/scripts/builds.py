"""
One build of a script, put together from its files: the assembly, and what lies beside it.

Must not know which build is current.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from runner.directives import File
from runner.errors import ScriptError, ScriptInvalid, ScriptIsDirectory, ScriptNotFound

from .files import PATIENCE_NS, check_config
from .generation import Generation, Helper
from .script import together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runner.runtimes.known import Runtimes
    from runner.settings import Settings

    from .files import Files, Look
    from .generation import Part
    from .script import Script

# mcs takes about 10 ms from deleting its old output to closing the new one; a busy machine makes it longer.
PATIENCE_S = PATIENCE_NS / 1e9
# A deleted script is served for this long. Compilers and deployments delete before they write; a script that is gone
# for good may run for as much longer.
DELETED_GRACE_S = 5.0
MOST_NAMED = 4096  # contents of scripts whose files are known


class Builds:
    """
    Reads builds. Safe to use from several threads.

    Args:
        files: Reads one file.
        runtimes: Says what a script is made of, by its suffix.
        clock: Monotonic seconds, for ``DELETED_GRACE_S``.
    """

    def __init__(self, files: Files, runtimes: Runtimes, clock: Callable[[], float]) -> None:
        self._files = files
        self._runtimes = runtimes
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[File, ...]] = {}
        self._by_setting: Mapping[str, Sequence[str]] = {}

    def take_settings(self, settings: Settings) -> bool:
        """Scripts have to be below ``script_dirs``, and have the ``files`` of ``scripts``; whether these are others."""
        named = {path: own.files for path, own in settings.scripts.items() if own.files}
        before = (self._files.directories, self._by_setting)
        self._files.directories, self._by_setting = settings.script_dirs, named
        return (settings.script_dirs, named) != before

    def find(self, look: Look, path: str, before: Script | None) -> str:
        """
        Where the script really is that a name leads to now: its path without symbolic links.

        Args:
            look: Gathers the stamps of links.
            path: The name.
            before: The script that it led to before; None for none.

        Raises:
            ScriptError: As ``Files.find``; also when it was there until a moment ago.
        """
        try:
            return self._files.find(look, path)
        except ScriptError as error:
            look.trusted = False  # there is no file whose stamp could say that this holds
            if before is not None and isinstance(error, ScriptNotFound):
                look.stamps[before.path] = None
                self._miss_script(look, before)
            raise

    def read(self, look: Look, script: Script) -> Generation:
        """
        The build that is there now.

        Raises:
            ScriptNotFound: The script is gone for longer than ``DELETED_GRACE_S``, or was never there.
            ScriptInvalid: A file of it is broken, or was there and is gone for a shorter time.
        """
        path, good = script.path, script.whole
        runtime = self._runtimes.of(path)
        try:
            file = self._part(look, script, path, runtime.check)
        except ScriptNotFound:
            self._miss_script(look, script)
            raise
        symbols = self._symbols(look, script, path)
        config: Part | None = None
        if runtime.config:
            beside = runtime.config.format(file=path)
            try:
                config = self._part(look, script, beside, check_config)
            except ScriptNotFound:
                was_there = good is not None and good.config is not None
                self._refuse_recent_absence(look, script, beside, was_there=was_there)
        helpers = {name: self.helper(look, script, name) for name in script.names_beside(file.hash)}
        files = self._files_named(look, script, file)
        return look.keep(Generation.of(path, file, symbols, config, helpers, runtime.name, files))

    def _part(self, look: Look, script: Script, file: str, check: Callable[[str, bytes], None] | None) -> Part:
        part = self._files.part(look, file, check)
        script.gone.pop(file, None)
        return part

    def _files_named(self, look: Look, script: Script, file: Part) -> dict[str, Part]:
        """
        The files beside a script that it or a setting says it reads.

        Raises:
            ScriptInvalid: One is not there, or as ``Files.part``; or a directive of the script is not understood.
        """
        found: dict[str, Part] = {}
        for name, place in (*self._names_of(script.path, file, look), *self._named_by_setting(script.path)):
            if name in found:
                continue
            path = os.path.join(os.path.dirname(script.path), name)  # noqa: PTH118, PTH120  # texts, as stamps have them
            try:
                found[name] = self._part(look, script, path, None)
            except ScriptNotFound:
                was_there = script.whole is not None and name in script.whole.files
                self._refuse_recent_absence(look, script, path, was_there=was_there)
                raise ScriptInvalid(f"{place}: names the file {path}, which is not there") from None
            except ScriptIsDirectory:
                raise ScriptInvalid(f"{place}: names the file {path}, which is a directory") from None
        return found

    def _named_by_setting(self, path: str) -> list[File]:
        """The files that the setting names for a script, however its table names that."""
        return [
            File(name, f'{path}: setting scripts."{key}".files')
            for key, names in self._by_setting.items()
            if os.path.realpath(key) == path
            for name in names
        ]

    def _names_of(self, path: str, file: Part, look: Look) -> tuple[File, ...]:
        """The files that a script says it reads, found once for each content."""
        files_of = self._runtimes.of(path).files_of
        if files_of is None:
            return ()
        if (known := self._known.get((path, file.hash))) is None:
            known = files_of(path, look.content(file))
            self._known[path, file.hash] = known
            if len(self._known) > MOST_NAMED:
                with contextlib.suppress(StopIteration, KeyError, RuntimeError):  # another thread may be at it
                    del self._known[next(iter(self._known))]
        return known

    def extended(self, look: Look, script: Script, build: Generation, names: Sequence[str]) -> Generation:
        """
        A build that was read before, with more files beside it, as they are now.

        Raises:
            ScriptInvalid: As ``helper``, or these are too many names.
        """
        together(tuple(build.helpers), names, build.path)
        helpers = build.helpers | {name: self.helper(look, script, name) for name in names}
        for part in build.parts():
            look.take(part)
        return look.keep(
            Generation.of(build.path, build.file, build.symbols, build.config, helpers, build.runtime, build.files)
        )

    def helper(self, look: Look, script: Script, name: str) -> Helper | None:
        """
        A file beside a script or below its directory, as its runtime looks for it; None when there is none.

        Raises:
            ScriptInvalid: It is broken, or it was there and is gone for less than ``DELETED_GRACE_S``.
        """
        if name.upper() in {"SR", "KSR"} or not _is_below(name):
            return None  # the bridge's own always win
        runtime = self._runtimes.of(script.path)
        base = os.path.join(os.path.dirname(script.path), name)  # noqa: PTH118, PTH120  # texts, as stamps have them
        for pattern in runtime.helpers:
            file = pattern.replace("{}", base)
            try:
                part = self._part(look, script, file, runtime.check_helper)
            except (ScriptNotFound, ScriptIsDirectory):  # a folder has the name of a script's package
                continue
            return Helper(part, self._symbols(look, script, file))
        good = script.good or script.whole
        there = good.helpers.get(name) if good is not None else None
        self._refuse_recent_absence(look, script, there.path if there else base, was_there=there is not None)
        return None

    def _symbols(self, look: Look, script: Script, file: str) -> Part | None:
        stem, _ = os.path.splitext(file)  # noqa: PTH122  # as above
        for pattern in self._runtimes.of(script.path).symbols:
            try:
                return self._part(look, script, pattern.format(stem=stem, file=file), None)
            except ScriptError:
                continue  # a script runs without them
        return None

    def _miss_script(self, look: Look, script: Script) -> None:
        """
        Note that the script itself is not there. After a while, its builds are forgotten.

        Raises:
            ScriptInvalid: As ``_refuse_recent_absence``.
        """
        self._refuse_recent_absence(look, script, script.path, was_there=script.whole is not None)
        script.lost()
        look.trusted = False

    def _refuse_recent_absence(self, look: Look, script: Script, file: str, *, was_there: bool) -> None:
        """
        Keep what served until a file has been gone for a while: compilers and editors delete before they write.

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
        raise ScriptInvalid(f"{file}: was deleted and has not been written again yet")


def _is_below(name: str) -> bool:
    """Whether a file below a directory can have this name: a worker may ask for any text."""
    try:
        is_path = b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate that stands for no byte
        return False
    return is_path and not {"", ".", ".."} & set(name.split("/"))
