"""What a client knows of scripts without asking its daemon: which build is current, and what was learned of it.

Standard library only, as a child of Kamailio imports it. Must not know who said it, nor where a script runs.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.control.kinds import MAX_REFUSED
from runner.scripts.poison import LONGEST_CALL_ID, refuse_message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.scripts.foresight import Foresight
    from runner.scripts.generation import Generation
    from runner.scripts.stamps import Stamps

MOST_SCRIPTS = 1024  # that are known at one time; one that was forgotten is asked for again
LEARNED_GENERATIONS = 64  # of the builds that came last, what was learned is kept


@dataclass(slots=True)
class Script:
    """A script as the daemon knows it. ``stamps`` say until when; None: it has to be asked again."""

    generation: Generation
    stamps: Stamps | None

    def is_current(self) -> bool:
        """Whether it may run without asking."""
        return self.stamps is not None and self.stamps.hold()


class Known:
    """
    Scripts by path, and what their execs taught.

    Attributes:
        scripts: By the path that Kamailio uses; None is the script of ``mono_run``.
    """

    __slots__ = ("_learned", "scripts")

    def __init__(self) -> None:
        self.scripts: dict[str | None, Script] = {}
        self._learned: dict[str, Foresight] = {}  # by the id of a generation

    def add(self, path: str | None, generation: Generation, stamps: Stamps | None) -> Script:
        """The script at that path, from now on."""
        script = Script(self.with_lessons(generation), stamps)
        self.scripts.pop(path, None)
        self.scripts[path] = script
        if len(self.scripts) > MOST_SCRIPTS:
            del self.scripts[next(iter(self.scripts))]  # the one that was asked for least recently
        return script

    def with_lessons(self, generation: Generation) -> Generation:
        """A generation that came from the daemon, with what was learned of it before, whoever the worker is."""
        learned = self._learned.pop(generation.id, None)
        if learned is not None:
            generation = dataclasses.replace(generation, foresight=learned)
        self._learned[generation.id] = generation.foresight
        if len(self._learned) > LEARNED_GENERATIONS:
            del self._learned[next(iter(self._learned))]
        return generation

    def ask_again(self, generation: Generation | None = None) -> None:
        """No script, or none of that generation, runs without asking. Without an answer they run as before."""
        for script in self.scripts.values():
            if generation is None or script.generation is generation:
                script.stamps = None


class Refusals:
    """
    Messages on which the daemon lets no script run: they took worker after worker with them.

    Attributes:
        until: By script and Call-ID, on ``time.monotonic``. While it is empty nobody needs to ``check``.
    """

    __slots__ = ("until",)

    def __init__(self) -> None:
        self.until: dict[tuple[str, str], float] = {}

    def add(self, messages: Iterable[tuple[str, str, float]]) -> None:
        """Remember some: script, Call-ID, seconds."""
        now = time.monotonic()
        self.until.update({(path, call_id): now + left_s for path, call_id, left_s in messages})
        while len(self.until) > MAX_REFUSED:
            del self.until[next(iter(self.until))]  # the one that came first

    def check(self, path: str, call_id: str | None) -> None:
        """
        Refuse a script to a message.

        Raises:
            ScriptRefused: The daemon said so.
        """
        now = time.monotonic()
        self.until = {key: until for key, until in self.until.items() if until > now}
        if call_id:
            text = call_id[:LONGEST_CALL_ID]
            refuse_message(path, text, self.until.get((path, text), 0.0) - now)
