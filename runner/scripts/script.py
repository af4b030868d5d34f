"""
What is known of one script, by whatever name it is called: builds that served, and names of what lies beside it.

Must not know files.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.errors import ScriptError, ScriptInvalid

from .generation import Generation

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger("runner.scripts")

# Files beside one script that it uses or only looks for; each costs a look at every new build. A file of Python or Java
# is looked for by two names, one of JavaScript that is required without its ending by five.
MOST_HELPERS = 1024
MOST_NAME_CHARACTERS = 32 * 1024  # of all these names: the answer to a lease has each three times, within 1 MiB


@dataclass(eq=False, slots=True)
class Script:
    """
    One script. Safe to use from several threads.

    Attributes:
        path: Without symbolic links.
        whole: The last complete generation, loaded or not.
        good: The last one that was loaded.
        reloads: How many builds took the place of another one.
        live_s: How long the last of them took from the change of its files until a worker had loaded it, in seconds.
        live_at: When that was, in seconds since 1970; 0 for never.
        gone: Since when files that were there have been missing: monotonic seconds, by path.
    """

    path: str
    whole: Generation | None = None
    good: Generation | None = None
    reloads: int = 0
    live_s: float = 0.0
    live_at: float = 0.0
    gone: dict[str, float] = field(default_factory=dict)
    _whole_at: int = 0  # the number of the look that it is from
    _rejected: tuple[str, ScriptError | None] = ("", None)  # the id of what could not be loaded, and why
    _warned: str = ""  # what the last warning was about, so that it is logged once
    _helpers: tuple[str, ...] = ()  # simple names that a build referred to
    _plugins: tuple[str, ...] = ()  # simple names that a running build asked for
    _plugins_of: str = ""  # the hash of that build's assembly
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def in_place_of(self, before: Script) -> None:
        """Take over from the script that a link led to before: its builds may serve until this one has its own."""
        self._helpers, self.whole, self.good = before._helpers, before.whole, before.good

    def names_beside(self, assembly: str) -> tuple[str, ...]:
        """Simple names of the assemblies to look for beside the build whose assembly has this hash."""
        return (*self._helpers, *(self._plugins if self._plugins_of == assembly else ()))

    def add_helpers(self, names: Sequence[str]) -> None:
        """
        Remember assemblies that a build refers to, for later builds as well.

        Raises:
            ScriptInvalid: These are too many.
        """
        with self._lock:
            self._helpers = together(self._helpers, names, self.path)

    def add_plugins(self, assembly: str, names: Sequence[str]) -> None:
        """
        Remember assemblies that the build with this hash asked for while it ran. Another build forgets them.

        Raises:
            ScriptInvalid: These are too many.
        """
        with self._lock:
            self._plugins = together(self._plugins if self._plugins_of == assembly else (), names, self.path)
            self._plugins_of = assembly

    def found(self, generation: Generation, look: int) -> Generation:
        """
        A complete generation was found by the look with this number.

        Returns:
            The same build as the same object, however often it was found.
        """
        with self._lock:
            known = [old for old in (self.whole, self.good) if old is not None and old.id == generation.id]
            same = known[0] if known else generation
            # Of two looks the later one's content is the newer, also where the other's thread comes here after it.
            if look > self._whole_at:
                self.whole, self._whole_at = same, look
        return same

    def lost(self) -> None:
        """Forget the builds: the script is gone for good, and nothing serves in its place."""
        with self._lock:
            self.good = self.whole = None

    def accept(self, generation: Generation) -> bool:
        """Remember a generation that was loaded: it serves while a later one is broken. False: it was known already."""
        if self.good is generation:
            return False
        with self._lock:
            self.good, self._warned = generation, ""
        return True

    def note_reload(self, live_s: float) -> None:
        """A build has taken the place of another one, so long after its files had changed."""
        with self._lock:
            self.reloads, self.live_s, self.live_at = self.reloads + 1, live_s, time.time()

    def reject(self, generation: Generation, error: ScriptError) -> None:
        """
        Do not serve a generation again, since it cannot be loaded.

        Raises:
            ScriptError: ``error`` again: the build was loaded before, so the fault may pass.
        """
        with self._lock:
            if self.good is not None and self.good.id == generation.id:
                raise error
            self._rejected = (generation.id, error)

    def serve(self, found: Generation | ScriptError) -> Generation:
        """
        What serves: the generation found, or the last good one when that was rejected or is an error.

        Raises:
            ScriptError: There is none to serve instead.
        """
        rejected, error = self._rejected
        if isinstance(found, Generation):
            if error is None or rejected != found.id:
                return found
            about, good = found.id, self.good
        else:
            about, good, error = str(found), self.whole, found
            if good is None or good.id == rejected:
                good = self.good
        if good is None:
            raise another(error)
        with self._lock:
            is_new = self._warned != about
            self._warned = about
        if is_new:
            log.warning("%s; generation %.8s still serves %s", error, good.id, self.path)
        return good


def together(known: Sequence[str], names: Sequence[str], path: str) -> tuple[str, ...]:
    """
    The names of files beside a script that are known and some more, each once.

    Raises:
        ScriptInvalid: These are too many.
    """
    more = tuple(dict.fromkeys((*known, *names)))
    if len(more) > MOST_HELPERS:
        raise ScriptInvalid(f"{path}: asks for {len(more)} files beside it, expected at most {MOST_HELPERS}")
    if (characters := sum(map(len, more))) > MOST_NAME_CHARACTERS:
        raise ScriptInvalid(
            f"{path}: the names of the files that it asks for have {characters} characters, expected at most "
            f"{MOST_NAME_CHARACTERS}"
        )
    return more


def another(error: ScriptError) -> ScriptError:
    """A copy to raise: the one that is kept would collect tracebacks, from several threads."""
    return type(error)(str(error), error.detail)
