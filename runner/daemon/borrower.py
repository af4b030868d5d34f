"""
One client of the daemon, and what it holds.

Must not know what clients ask for. What a client can make grow has a bound here.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from runner.control.connection import Control
    from runner.errors import ScriptInvalid
    from runner.pool.slot import Slot
    from runner.pool.warming import FirstRun
    from runner.scripts.generation import Generation
    from runner.worker.worker import Worker

MAX_LOANS = 2  # a worker, and a better one until the first is given back
MAX_TOLD = 1024  # generations; one that was forgotten is told again when its client cannot load it any more
MAX_REJECTED = 16  # builds that it could not load and others perhaps can


@dataclass(slots=True)
class Loan:
    """
    One worker that a client holds.

    Attributes:
        since: When it was lent.
        told_swap: The client was asked to give it back.
        wanted_since: Since when other users wait for a worker while it is not given back; 0 while none do.
        first: Its first run of a build, which it was allowed and has not told the end of.
    """

    slot: Slot
    since: float
    told_swap: bool = False
    wanted_since: float = 0.0
    first: FirstRun | None = None


@dataclass(eq=False, slots=True)
class Client:
    """
    One connection to the control socket.

    Attributes:
        pid: Its process.
        uid: Its user.
        is_trusted: Whether its word counts for clients of all users; see ``access.is_trusted``.
        is_extra: Whether it has one of the places that are kept for administrators: it may ask, and not borrow.
        runs_scripts: Whether it ever asked for a worker; others only look.
        told: Generations that it was told of; kept, so that their copies stay for as long as it may load them.
        rejected: Builds that it could not load and that are good for all that we know, by id.
        holds_foreign: Whether it says that it holds a worker from an earlier daemon.
        is_inner: Whether its execs are within others of the same process.
        ended: Workers that were ended while it held them: it may still say what they died of.
    """

    control: Control
    pid: int
    uid: int
    is_trusted: bool = False
    is_extra: bool = False
    loans: dict[int, Loan] = field(default_factory=dict)
    runs_scripts: bool = False
    told: dict[str, Generation] = field(default_factory=dict)
    rejected: dict[str, ScriptInvalid] = field(default_factory=dict)
    holds_foreign: bool = False
    is_inner: bool = False
    ended: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_LOANS))
    sending: threading.Lock = field(default_factory=threading.Lock)

    @property
    def wants_worker(self) -> bool:
        """Whether it needs a worker of its own."""
        return self.runs_scripts or self.holds_foreign

    @property
    def counts_for(self) -> int | None:
        """For whom a loss counts that it tells of: clients of its user; None: of all users."""
        return None if self.is_trusted else self.uid

    def tell(self, generation: Generation, loaded: Iterable[Generation] = ()) -> None:
        """It is told of the generation that is current now, and of those that its new worker has loaded."""
        in_use = {id_ for loan in self.loans.values() for id_ in ids(loan.slot.living)}
        in_use |= {other.id for other in loaded}
        # Of a script it may load the current build, or use those that a worker has.
        kept = {id_: told for id_, told in self.told.items() if id_ in in_use or told.path != generation.path}
        for other in (*loaded, generation):
            kept.pop(other.id, None)
            kept[other.id] = other
        for id_ in list(kept)[: max(0, len(kept) - MAX_TOLD)]:
            del kept[id_]
        self.told = kept

    def reject(self, id_: str, error: ScriptInvalid) -> None:
        """Remember a build that it could not load."""
        self.rejected[id_] = error
        if len(self.rejected) > MAX_REJECTED:
            del self.rejected[next(iter(self.rejected))]

    def give_back(self, pid: int) -> Loan | None:
        """The loan of that worker, which has ended; None when there is none."""
        loan = self.loans.pop(pid, None)
        if loan is not None and loan.first is not None:
            loan.first.end(has_run=loan.slot.has_run(loan.first.generation))
        return loan


def ids(worker: Worker) -> list[str]:
    """The generations that a worker has loaded."""
    return [generation.id for generation in worker.holdings.loaded.values()]
