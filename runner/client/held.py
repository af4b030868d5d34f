"""The worker that a client holds: it comes with the daemon's answer, and is reported and given back by its lease.

Standard library only, as a child of Kamailio imports it. Must not know scripts, nor when a worker is wanted.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from runner.control.messages import (
    FindAnswer,
    FindRequest,
    HandOver,
    Loaded,
    Needs,
    Ran,
    Rejected,
    Release,
    Report,
    Retire,
)
from runner.errors import EntryMissing, PoolExhausted, ScriptError, WorkerError
from runner.wire.channel import ENDS, received
from runner.wire.session import Session, State
from runner.worker.conversation import Conversation
from runner.worker.holdings import Holdings
from runner.worker.host_calls import call_id
from runner.worker.loading import try_load
from runner.worker.outcome import ExecOutcome
from runner.worker.placement import SELDOM

from .link import daemon_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runner.calls import Host
    from runner.control.messages import Worker
    from runner.scripts.generation import Generation, Helper
    from runner.wire.channel import Channel

    from .known import Known, Script
    from .link import Link

log = logging.getLogger("runner.lease")

NO_SUCH_ENTRY = 1  # what Kamailio's own interpreters give for a function that is not there

Watched = tuple["Script", "str | None", float, "Host"]
"""What is known of its script, how it was called, when it began, and who owns its message."""


@dataclass(slots=True)
class Held:
    """
    One worker, for as long as this process holds it. ``release``, ``retire`` and ``leave`` pass it on.

    Attributes:
        lease: Names it to the daemon.
        channel: Its wire.
        is_local: Whether its pid is that process here, too, so that a signal reaches it.
        keep: False: others wait for one, so it goes back after each exec.
        fresh: Each exec begins with new statics.
        most_execs, most_loads: When to ask for another one.
        is_ours: False: it is another daemon's than the one that is connected, whose copies it cannot load.
        node: The machine that it is on, as people call it; "" for this one.
        first: The build whose first run has begun here, so that the daemon waits for its end; None for none.
        wanted_back: Why the daemon wants it back; empty while it does not.
        report_after: When to report next, on ``time.monotonic``.
        watched: The exec that runs here and may be slow; None: none.
    """

    conversation: Conversation
    lease: str
    channel: Channel
    is_local: bool
    keep: bool
    fresh: bool
    most_execs: float
    most_loads: float
    is_ours: bool = True
    node: str = ""
    first: Generation | None = None
    wanted_back: str = ""
    report_after: float = 0.0
    watched: Watched | None = None

    @property
    def runtime(self) -> str:
        """The name of what runs there."""
        return self.conversation.holdings.runtime

    @classmethod
    def of(cls, worker: Worker, channel: Channel | None, loaded: Iterable[Generation]) -> Self:
        """
        A worker as it came from the daemon; ``loaded`` are its generations with what this client learned of them.

        Raises:
            PoolExhausted: It came without its wire.
        """
        if channel is None:
            raise PoolExhausted("the daemon sent a worker without its wire")
        by_path = {generation.path: generation for generation in loaded}
        holdings = Holdings(
            worker.execs,
            worker.loads,
            by_path,
            worker.ran,
            worker.bound,
            runtime=worker.runtime,
            can=worker.can,
        )
        follows = SELDOM if worker.is_placed and worker.is_local else 0
        session = Session(worker.max_line_bytes, State.IDLE)
        return cls(
            Conversation(channel, session, worker.pid, follows, holdings),
            worker.lease,
            channel,
            worker.is_local,
            worker.keep,
            worker.fresh,
            worker.max_execs or math.inf,  # 0: no limit
            worker.max_loads or math.inf,
            node=worker.node,
        )

    @classmethod
    def received(cls, link: Link, worker: Worker, known: Known) -> Self:
        """
        The worker of an answer that has just come, which finds its helpers by ``link``.

        Raises:
            PoolExhausted: As ``of``.
        """
        assert link.control is not None  # noqa: S101  # it has just answered
        held = cls.of(worker, received(link.control.take_descriptors(ENDS)), map(known.with_lessons, worker.loaded))
        held.find_helpers(link, known.ask_again)
        held.channel.alarm = partial(held.tell_slow, link)
        return held

    def load(self, link: Link, generation: Generation, deadline: float, ask: Callable[..., Generation]) -> None:
        """
        One try to load a generation.

        Args:
            link: Where it is said that it loads.
            generation: The generation.
            deadline: On ``time.monotonic``.
            ask: Asks the daemon, with ``needs`` or ``rejected``, for the generation to go on with.
        """
        began = time.monotonic()
        try:
            self._try_load(link, generation, deadline, ask)
        finally:
            link.tally.load_s += time.monotonic() - began

    def _try_load(self, link: Link, generation: Generation, deadline: float, ask: Callable[..., Generation]) -> None:
        try_load(
            partial(self.conversation.load, deadline=deadline),
            generation,
            accept=lambda build: link.tell(Loaded(generation=build.id, entries=tuple(build.entries or ()))),
            extend=lambda build, names: ask(needs=Needs(generation=build.id, names=names)),
            reject=lambda build, error: ask(
                rejected=Rejected(generation=build.id, message=str(error), detail=error.detail)
            ),
        )

    def find_helpers(self, link: Link, found: Callable[[Generation], None]) -> None:
        """
        Let a running script load assemblies by their names.

        Args:
            link: Where they are asked for. Without a daemon there are none.
            found: Told the generation that has got one: by now its script is another generation, with that helper.
        """

        def find(generation: Generation, name: str, deadline: float) -> Helper | None:
            request = FindRequest(generation=generation.id, name=name, wait_s=daemon_s(deadline))
            answer = link.ask(request, FindAnswer, deadline)
            if answer is None or answer.helper is None:
                return None
            found(generation)
            return answer.helper

        self.conversation.find_helper = find

    def report(self) -> Report:
        """What it has done and holds."""
        holdings = self.conversation.holdings
        return Report(
            lease=self.lease,
            execs=holdings.execs,
            loads=holdings.loads,
            bound=holdings.bound,
            loaded={path: generation.id for path, generation in holdings.loaded.items()},
            ran=holdings.ran,
            retire_reason=holdings.retire_reason,
        )

    def watch(self, slow_s: float, script: Script, path: str | None, host: Host) -> None:
        """An exec begins here. One that takes longer is told to the daemon, unless ``watched`` is None by then."""
        began = time.monotonic()
        self.watched = script, path, began, host
        self.channel.alarm_at = began + slow_s

    def tell_slow(self, link: Link) -> None:
        """The time of the exec that is watched has come."""
        try:
            if self.watched is not None and (notice := link.tally.still_runs(*self.watched, self.lease)) is not None:
                link.tell(notice)
        except Exception:  # the exec goes on all the same
            log.exception("internal error, please report it")

    def can_nest(self, generation: Generation) -> bool:
        """Whether a build may run here within the exec that has asked."""
        return self.conversation.can_nest and self.conversation.holdings.has(generation)

    def is_first_run(self, generation: Generation) -> bool:
        """Whether the worker has not run it before, so that it may be slow."""
        return not self.fresh and not self.conversation.holdings.has_run(generation)

    def tell_first_run(self, link: Link) -> None:
        """The daemon waits to hear how long a build takes the first time, and others with it."""
        if self.first is not None and self.conversation.holdings.has_run(self.first):
            link.tell(Ran(lease=self.lease, generation=self.first.id))
            self.first = None

    def drop_first_run(self, link: Link) -> None:
        """It was allowed and did not begin: others may."""
        if self.first is not None:
            link.tell(Ran(lease=self.lease, generation=self.first.id, has_run=False))
            self.first = None

    def exec_within(
        self,
        name: str,
        generation: Generation,
        param: str | None,
        host: Host,
        deadline: float,
        *,
        fresh: bool,
        entry: str | None,
    ) -> ExecOutcome:
        """
        Run a build within the exec that has asked, as ``Lease.exec``; ``name`` is the script's, for an error.

        A worker that is lost is still held: it is lost for the exec that has asked as well, and that one hands it over.
        """
        outcome, pid = ExecOutcome(), self.conversation.pid
        try:
            with self.conversation.within():
                return self.conversation.exec(
                    generation, param, host, deadline, fresh=fresh, entry=entry, outcome=outcome
                )
        except EntryMissing:
            outcome.code, outcome.is_missing = NO_SUCH_ENTRY, True
            return outcome
        except ScriptError as error:
            raise type(error)(error.naming(name), error.detail) from error
        except WorkerError as error:
            raise type(error)(f"worker {pid}: {error}; {outcome.summary()}", step=error.step) from error

    def is_spent(self) -> bool:
        """Whether it has run or loaded as much as one worker may."""
        holdings = self.conversation.holdings
        return holdings.execs >= self.most_execs or holdings.loads >= self.most_loads

    def release(self, link: Link) -> None:
        """Give it back. Where no daemon takes it, its wire is closed and it ends itself."""
        self._send_sigcont()
        with contextlib.closing(self.conversation.hand_over()) as wire:
            link.tell(Release(**vars(self.report())), wire.descriptors())

    def retire(
        self, link: Link, reason: str, host: Host | None, taken_by: Generation | None, *, is_stuck: bool
    ) -> None:
        """Let the daemon end it, and ask it for its stacks before that when it is stuck."""
        if is_stuck:
            self._send_sigcont()
        with contextlib.closing(self.conversation.hand_over()) as wire:
            notice = Retire(
                lease=self.lease,
                reason=reason,
                call_id=call_id(host) if host else None,
                is_stuck=is_stuck,
                taken_by=taken_by.id if taken_by else None,
            )
            link.tell(notice, wire.descriptors())

    def leave(self, link: Link, reason: str, host: Host) -> bool:
        """Let the daemon finish the first run of a generation; False where there is none, or nobody could go on."""
        first, unfinished = self.first, self.conversation.unfinished()
        if first is None or unfinished is None or link.control is None:
            return False
        with contextlib.closing(self.conversation.hand_over()) as wire:
            notice = HandOver(
                **vars(self.report()),
                reason=reason,
                call_id=call_id(host),
                generation=first.id,
                unfinished=unfinished,
            )
            link.tell(notice, wire.descriptors())
        return True

    def _send_sigcont(self) -> None:
        """A stopped process does not see that its wire hangs up, and perhaps no daemon is there to kill it."""
        if self.is_local:
            send_sigcont(self.conversation.pid)


def send_sigcont(pid: int) -> None:
    """Let a process go on, where it is there and ours to signal."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGCONT)
