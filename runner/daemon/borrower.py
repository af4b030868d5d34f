"""
One client of the daemon, and what it holds.

Must not know what clients ask for. Everything that a client can make grow has a bound here.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runner.control import messages
from runner.wire.session import MAX_LINE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.control.connection import Control
    from runner.control.counters import SharedCounters
    from runner.errors import ScriptInvalid
    from runner.pool.slot import Slot
    from runner.pool.warming import FirstRun
    from runner.scripts.generation import Generation
    from runner.settings import Settings
    from runner.worker.worker import Worker

MAX_LOANS = 2  # of one runtime: a worker, and a better one until the first is given back
MAX_ENDED = 4 * MAX_LOANS  # so many of the last loans that were ended: as many as the runtimes with a bridge allow
MAX_KNOWN = 1024  # generations; one that was forgotten comes again when its client cannot load it any more
MAX_REJECTED = 16  # builds that it could not load and others perhaps can


@dataclass(slots=True)
class Loan:
    """
    One worker that a client holds.

    Attributes:
        id: Names it to the client, and to no daemon after this one.
        since: When it was lent.
        is_wanted_back: The client was asked to give it back.
        wanted_since: Since when users wait for it who hold less than a share; 0 while none do.
        first: Its first run of a build, which it was allowed and has not said the end of.
    """

    id: str
    slot: Slot
    since: float
    is_wanted_back: bool = False
    wanted_since: float = 0.0
    first: FirstRun | None = None

    @property
    def runtime(self) -> str:
        """The name of what runs in its worker."""
        return self.slot.living.holdings.runtime

    def as_message(self, client: Client, settings: Settings, *, keep: bool) -> messages.Worker:
        """What the client has to know of the worker."""
        worker = self.slot.living
        return messages.Worker(
            lease=self.id,
            pid=worker.pid,
            is_local=client.is_local and not worker.node,
            execs=worker.holdings.execs,
            loads=worker.holdings.loads,
            bound=dict(worker.holdings.bound),
            ran=dict(worker.holdings.ran),
            loaded=tuple(worker.holdings.loaded.values()),
            keep=keep,
            fresh=settings.statics == "fresh",
            max_execs=self.slot.max_jobs,
            max_loads=settings.max_loads,
            max_line_bytes=MAX_LINE_BYTES,
            is_placed=settings.placement != "free",
            runtime=worker.holdings.runtime,
            can=worker.holdings.can,
            node=worker.node,
        )


@dataclass(eq=False, slots=True)
class Client:
    """
    One connection to the control socket.

    Attributes:
        pid: Its process.
        uid: Its user.
        is_trusted: Whether what it says counts for clients of all users; see ``access.is_trusted``.
        is_extra: Whether it has one of the places that are kept for administrators: it may ask, and not borrow.
        is_local: Whether it counts processes as the daemon does; see ``peer.shares_pids``.
        loans: By id.
        runs_scripts: Whether it ever asked for a worker; others only look.
        runtimes: The names of those whose scripts it runs.
        known: Generations that it knows of, by id; kept, so that their copies stay for as long as it may load them.
        rejected: Builds that it could not load and that are good for all that we know, by id.
        holds_foreign: Whether it says that it holds a worker from an earlier daemon.
        is_inner: Whether its execs are within others of the same process.
        counters: In which it counts its execs; None where it has none. Kept by ``counting``.
        asked_until: Until when none of its workers is asked for its stacks again, on ``time.monotonic``.
        ended: Loans that were ended while it held the worker: it may still say what that died of.
    """

    control: Control
    pid: int
    uid: int
    is_trusted: bool = False
    is_extra: bool = False
    is_local: bool = True
    loans: dict[str, Loan] = field(default_factory=dict)
    runs_scripts: bool = False
    runtimes: set[str] = field(default_factory=set)
    known: dict[str, Generation] = field(default_factory=dict)
    rejected: dict[str, ScriptInvalid] = field(default_factory=dict)
    holds_foreign: bool = False
    is_inner: bool = False
    counters: SharedCounters | None = None
    asked_until: float = 0.0
    ended: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_ENDED))
    sending: threading.Lock = field(default_factory=threading.Lock)

    @property
    def wants_worker(self) -> bool:
        """Whether it needs a worker of its own."""
        return self.runs_scripts or self.holds_foreign

    def wants_one_of(self, runtime: str) -> bool:
        """Whether it needs a worker of its own of that runtime, or perhaps does."""
        return runtime in self.runtimes or self.holds_foreign

    def count(self, runtime: str) -> int:
        """How many workers of a runtime it holds."""
        return sum(loan.runtime == runtime for loan in list(self.loans.values()))

    @property
    def counts_for(self) -> int | None:
        """For whom a loss counts that it reports: clients of its user; None: of all users."""
        return None if self.is_trusted else self.uid

    def learn(self, generation: Generation, loaded: Iterable[Generation] = ()) -> None:
        """It will know of the generation that is current now, and of those that its new worker has loaded."""
        in_use = {id_ for loan in self.loans.values() for id_ in ids(loan.slot.living)}
        in_use |= {other.id for other in loaded}
        # Of a script it may load the current build, or use those that a worker has.
        kept = {id_: known for id_, known in self.known.items() if id_ in in_use or known.path != generation.path}
        for other in (*loaded, generation):
            kept.pop(other.id, None)
            kept[other.id] = other
        for id_ in list(kept)[: max(0, len(kept) - MAX_KNOWN)]:
            del kept[id_]
        self.known = kept

    def reject(self, id_: str, error: ScriptInvalid) -> None:
        """Remember a build that it could not load."""
        self.rejected[id_] = error
        if len(self.rejected) > MAX_REJECTED:
            del self.rejected[next(iter(self.rejected))]

    def give_back(self, lease: str) -> Loan | None:
        """The loan of that id, which has ended; None when there is none."""
        loan = self.loans.pop(lease, None)
        if loan is not None and loan.first is not None:
            loan.first.end(has_run=loan.slot.has_run(loan.first.generation))
        return loan

    def forget_ended(self, lease: str) -> bool:
        """Whether the loan of that id is one of ``ended``; from now on it is not."""
        had_ended = lease in self.ended
        if had_ended:
            self.ended.remove(lease)
        return had_ended


def ids(worker: Worker) -> list[str]:
    """The generations that a worker has loaded."""
    return [generation.id for generation in worker.holdings.loaded.values()]
