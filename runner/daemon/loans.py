"""
Who holds which worker: leases, as clients ask for them and give them back.

Must not know connections; ``daemon`` has them, one thread a client.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from runner.control import messages
from runner.control.status import Incident, StillRuns
from runner.errors import ConfigError, PoolExhausted, RunnerError, WorkerError
from runner.wire.channel import hang_up

from . import reports
from .borrower import Loan
from .choice import Choice
from .counting import Counting
from .first_runs import FirstRuns
from .quiet import Quiet
from .sharing import Sharing
from .slow_execs import SlowExecs
from .verdicts import Verdicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.control.messages import Report
    from runner.pool.slot import Slot
    from runner.pool.warming import FirstRun
    from runner.runner import Runner
    from runner.scripts.generation import Generation
    from runner.wire.channel import Channel

    from .borrower import Client

log = logging.getLogger("runner.loans")

LEASE_BYTES = 8  # random ones make a name that no daemon gives again
MAX_OUTDATED = 64  # scripts to load ahead at one time: it is warmth, and the rest is loaded when it is used

Answer = tuple[messages.Message, "Channel | None"]
"""An answer, and the wire that goes beside it."""


class Loans:
    """
    Lends the workers of one runner. Every method is safe to call from several clients' threads.

    Args:
        runner: Owns the workers and knows the scripts.
        wake: Called when there is upkeep to do.

    Attributes:
        counting, choice: What the clients count; what chooses their workers.
    """

    def __init__(self, runner: Runner, wake: Callable[[], None]) -> None:
        self.clients: set[Client] = set()
        self.counting = Counting(lambda path: runner.scripts.knows(path))  # noqa: PLW0108 - it has none yet
        self.is_draining = False
        self._runner = runner
        self._wake = wake
        self._lock = threading.Lock()
        self._news = False  # whether more messages are refused than clients know of
        self._outdated: set[str] = set()  # scripts of workers that came back with an older build
        self._verdicts = Verdicts(runner)
        self._firsts = FirstRuns(runner)
        self.choice = Choice(runner, wake)
        self._sharing: dict[str, Sharing] = {}  # by runtime
        self._strays = Quiet(log, logging.WARNING, "a worker that was not lent to its client, or died meanwhile")
        self._from_before = Quiet(log, logging.INFO, "a client holds a worker from before")
        self.requests: dict[type[messages.Message], Callable[[Client, Any], Answer]] = {
            messages.HelloRequest: self._hello,
            messages.LeaseRequest: self._lease,
            messages.FindRequest: self._find,
        }
        self.notices: dict[type[messages.Message], Callable[[Client, Any], None]] = {
            messages.Loaded: self._verdicts.loaded,
            messages.Ran: self._firsts.has_run,
            messages.Report: self._report,
            Incident: self.counting.note,
            StillRuns: SlowExecs(self.counting).still_runs,
        }
        self.returns: dict[type[messages.Message], Callable[[Client, Any, Channel | None], None]] = {
            messages.Release: self._release,
            messages.Retire: self._retire,
            messages.HandOver: self._take_over,
        }
        """Notices that have a wire beside them, which is the callee's from then on."""

    def join(self, client: Client) -> None:
        """A client has come."""
        with self._lock:
            self.clients.add(client)

    def leave(self, client: Client) -> None:
        """A client has gone. Its workers end; while draining they go on, for it may live."""
        self.counting.leave(client)  # first: whoever asks what was counted looks at the clients that are there
        with self._lock:
            self.clients.discard(client)
        if not self.is_draining:
            for loan in list(client.loans.values()):
                self._end_loan(client, loan, "its client has gone")

    def count(self) -> None:
        """Look at what the clients have counted meanwhile."""
        self.counting.take(self._all())

    def borrowers(self) -> dict[tuple[str, int], int]:
        """The worker's node and pid to its client's pid."""
        loans = [(client, loan.slot.living) for client in self._all() for loan in list(client.loans.values())]
        return {(worker.node, worker.pid): client.pid for client, worker in loans}

    def users(self) -> int:
        """Clients that run scripts."""
        return sum(client.wants_worker for client in self._all())

    def users_of(self, runtime: str) -> int:
        """Those that run scripts of a runtime, so each wants a worker of its own."""
        return sum(client.wants_one_of(runtime) for client in self._all())

    def ask_back(self, why: Callable[[Slot], str]) -> list[tuple[Client, messages.Swap]]:
        """What to say to the clients whose workers are wanted back and that were not asked yet."""
        asked = []
        for client in self._all():
            for loan in list(client.loans.values()):
                if not loan.slot.living.is_alive:
                    self._end_loan(client, loan, "died while lent")
                elif not loan.is_wanted_back and (reason := why(loan.slot)):
                    loan.is_wanted_back = True
                    asked.append((client, messages.Swap(lease=loan.id, reason=reason)))
        return asked

    def share_out(self) -> None:
        """End a loan of a user who holds more than a share of the workers, where clients of another one wait."""
        loans = [(client, loan) for client in self._all() for loan in list(client.loans.values())]
        for kept in self._runner.pools.all():
            sharing = self._sharing.setdefault(kept.runtime, Sharing())
            own = [(client, loan) for client, loan in loans if loan.runtime == kept.runtime]
            if (found := sharing.overdue(own, kept.pool.waiting_users(), kept.pool.settings)) is not None:
                client, loan = found
                why = f"client {client.pid}, uid {client.uid}, kept it from clients of other users"
                self._end_loan(client, loan, why)

    def has_refusals(self) -> bool:
        """Whether more messages are refused than clients know of; True once."""
        with self._lock:
            news, self._news = self._news, False
        return news

    def refusals(self, client: Client) -> tuple[tuple[str, str, float], ...]:
        """The messages that a client is not to run scripts on."""
        return tuple(self._runner.poison.refused_messages(None, client.counts_for))

    def prepare(self) -> None:
        """Load new builds ahead on workers that came back with older ones."""
        with self._lock:
            outdated, self._outdated = self._outdated, set()
        for path in outdated:
            self._runner.prepare(path)

    def abandon(self) -> int:
        """Leave every worker to its client; how many those were."""
        loans = [loan for client in self._all() for loan in list(client.loans.values())]
        slots = [loan.slot for loan in loans if loan.slot.beyond is None]  # the others end with this process
        for slot in slots:
            self._runner.pools.of_slot(slot).abandon(slot)
        return len(slots)

    def end(self, reason: str) -> None:
        """End every worker that is lent."""
        for client in self._all():
            for loan in list(client.loans.values()):
                self._end_loan(client, loan, reason)

    def _all(self) -> list[Client]:
        with self._lock:
            return list(self.clients)

    # Requests.

    def _hello(self, client: Client, request: messages.HelloRequest) -> Answer:
        if request.counters:
            self.counting.join(client, client.control.take_descriptors(1))
        if request.have is not None:
            client.holds_foreign = True
            self._from_before.tell(f"client {client.pid}, lease {request.have.lease}")
        return messages.HelloAnswer(refused=self.refusals(client)), None

    def _lease(self, client: Client, request: messages.LeaseRequest) -> Answer:
        client.runs_scripts, client.is_inner = True, request.is_inner
        if self.is_draining:
            raise ConfigError("the daemon is draining: no new leases")
        have, generation = request.have, self._runner.current(request.path)
        client.runtimes.add(generation.runtime)
        self._runner.poison.check(generation, client.counts_for)
        if have is not None and have.lease in client.loans:
            # Only a client that holds a worker of ours has tried to load anything.
            generation = self._verdicts.of_load(client, generation, request)
        longest_s = self._runner.settings.allocate_timeout_s
        deadline = time.monotonic() + (longest_s if request.wait_s is None else request.wait_s)
        self._runner.pools.of(generation.runtime)  # so that its workers start while a source is compiled
        generation = self._runner.scripts.ready(generation, deadline)
        until = min(deadline, time.monotonic() + longest_s)
        if have is not None:
            self._report(client, have)
        held = self.choice.held(client, have, generation)
        has_own = have is not None and have.lease not in client.loans  # of an earlier daemon: it works meanwhile
        slot = self.choice.slot(client, have, held, generation, until)
        first = None
        try:
            first = self._admit(client, held, slot, generation, time.monotonic() if has_own else until)
            self.choice.provide(slot or (held.slot if held is not None else None), generation, deadline)
            return self._lent(client, request.path, held, generation, slot=slot, first=first)
        except BaseException as error:
            # While it waited for a worker its script may have been deleted, or refused.
            if first is not None:
                first.end(has_run=False)
            if slot is not None:
                self._runner.pools.release(slot, survives=True)
                if has_own and isinstance(error, PoolExhausted):
                    return self._lent(client, request.path, held, generation, slot=None, first=None)
            raise

    def _lent(
        self,
        client: Client,
        path: str | None,
        held: Loan | None,
        generation: Generation,
        *,
        slot: Slot | None,
        first: FirstRun | None,
    ) -> Answer:
        """The answer to ``lease``. Until the wire is in it, the slot is the caller's."""
        stamps = self._runner.stamps(path)
        if self._runner.current(path).id != generation.id:
            stamps = None  # it changed meanwhile, so these may be of a later build: the client asks again
        users = self.users_of(generation.runtime)
        keep = self.choice.has_enough(generation.runtime, users) and self._firsts.may_keep(client, generation, users)
        is_ours = slot is not None or held is not None
        client.learn(generation, slot.living.holdings.loaded.values() if slot is not None else ())
        entries = None if generation.entries is None else tuple(generation.entries)
        answer = partial(
            messages.LeaseAnswer, generation=generation, stamps=stamps, keep=keep, is_ours=is_ours, entries=entries
        )
        if slot is None:
            if held is not None:
                held.slot.is_kept = keep
            return answer(worker=None), None
        worker = slot.living
        if worker.holdings.has(generation) and (slot.lent_to is None or client.is_trusted):
            self._runner.scripts.accept(generation)  # it was loaded ahead, so no client will say that it loads
        loan = Loan(secrets.token_hex(LEASE_BYTES), slot, time.monotonic(), first=first)
        lent = loan.as_message(client, self._runner.settings, keep=keep)
        wire = worker.lend()
        slot.is_lent, slot.lent_to, slot.is_kept = True, client.uid, keep
        client.loans[loan.id] = loan
        return answer(worker=lent), wire

    def undo(self, client: Client, answer: messages.Message, wire: Channel) -> None:
        """The answer of a lease did not reach the client: the worker is as it was before."""
        worker = answer.worker if isinstance(answer, messages.LeaseAnswer) else None
        loan = client.give_back(worker.lease) if worker is not None else None
        if loan is None:
            wire.close()  # upkeep has ended it meanwhile
        else:
            self._take_back(client, loan, wire)

    def _take_back(self, client: Client, loan: Loan, wire: Channel) -> bool:
        """A loan that has ended with this wire: the worker is free again, or ended where it is another wire."""
        try:
            # Who is trusted can end the daemon anyway, and to open the wire again takes a share of an exec.
            loan.slot.living.take_back(wire, is_shared=not client.is_trusted)
        except WorkerError as error:
            log.warning("worker %d: client %d, uid %d: %s", loan.slot.living.pid, client.pid, client.uid, error)
            self._runner.pools.release(loan.slot, survives=False)
            return False
        loan.slot.is_lent = False
        self._runner.pools.release(loan.slot, survives=True)
        return True

    def _find(self, client: Client, request: messages.FindRequest) -> Answer:
        deadline = time.monotonic() + request.wait_s
        helper = self._verdicts.plugin(client, request.generation, request.name)
        self.choice.provide_helper(client, helper, deadline)
        return messages.FindAnswer(helper=helper), None

    def _admit(
        self, client: Client, held: Loan | None, slot: Slot | None, generation: Generation, deadline: float
    ) -> FirstRun | None:
        """What the client has to say the end of, where its worker has not run the build before."""
        if slot is not None:
            # What it was about to run in the worker that it has, it runs in this one: it must not wait for itself.
            moved = None
            if held is not None:
                moved, held.first = held.first, None
            return self._firsts.admit(client, slot, moved, generation, deadline)
        if held is not None:
            held.first = self._firsts.admit(client, held.slot, held.first, generation, deadline)
            if held.first is not None and client.loans.get(held.id) is not held:
                held.first.end(has_run=False)  # upkeep has ended the loan while this waited
        return None

    # Notices.

    def _report(self, client: Client, report: Report) -> None:
        if (loan := client.loans.get(report.lease)) is not None:
            self._note(client, loan, report)

    def _release(self, client: Client, report: messages.Release, wire: Channel | None) -> None:
        loan = client.loans.get(report.lease)
        if loan is None:
            client.holds_foreign = False
            hang_up(wire)
            return
        self._note(client, loan, report)
        if wire is None:
            # A process out of descriptors cannot take what is passed to it: the kernel closed the wire. Or it is none.
            self._end_loan(client, loan, "it came back without its wire")
            return
        if client.give_back(loan.id) is None:
            wire.close()  # upkeep has ended it meanwhile
            return
        loaded = dict(loan.slot.living.holdings.loaded)
        if not self._take_back(client, loan, wire):
            return
        outdated = {path for path, generation in loaded.items() if self._is_outdated(path, generation)}
        if outdated:
            with self._lock:
                self._outdated |= set(list(outdated)[: MAX_OUTDATED - len(self._outdated)])
            self._wake()

    def _retire(self, client: Client, notice: messages.Retire, wire: Channel | None) -> None:
        with self._lock:
            loan, had_ended = client.give_back(notice.lease), client.forget_ended(notice.lease)
        reason = reports.reason(notice.reason, notice.call_id)
        # A client that had the worker has run what it says, and one worker is one loss.
        was_lent = had_ended or (loan is not None and not loan.slot.living.is_blameless)
        if was_lent and self._verdicts.lost(client, notice.taken_by, notice.call_id):
            self._news = True
            self._wake()
        if loan is None:
            client.holds_foreign = False
            if had_ended:
                log.info("lease %s, client %d, which ended before: %s", notice.lease, client.pid, reason)
            else:
                self._strays.tell(f"lease {notice.lease}, client {client.pid}: {reason}")
            hang_up(wire)
            return
        # Not here: the client asks for its next worker right away, and an end takes up to 60 ms. There are as many of
        # these threads as loans at most: the slot is taken until the worker has ended.
        args = (loan, reason, notice.is_stuck, wire)
        end = threading.Thread(target=self._end_retired, args=args, name=f"end {loan.slot.living.pid}", daemon=True)
        try:
            end.start()
        except RuntimeError:  # the kernel gives no thread
            self._end_retired(*args)

    def _take_over(self, client: Client, notice: messages.HandOver, wire: Channel | None) -> None:
        if not self._firsts.take_over(client, notice, wire):
            lost = messages.Retire(
                lease=notice.lease, reason=notice.reason, call_id=notice.call_id, is_stuck=True, taken_by=None
            )
            self._retire(client, lost, wire)

    def _end_retired(self, loan: Loan, reason: str, is_stuck: bool, wire: Channel | None) -> None:  # noqa: FBT001 - private
        if is_stuck:
            loan.slot.living.end_stuck(reason)
        else:
            log.info("worker %d: %s", loan.slot.living.pid, reason)
        self._runner.pools.release(loan.slot, survives=False)
        # Until here the wire was open, or the worker would have ended itself without a word.
        hang_up(wire)

    def _note(self, client: Client, loan: Loan, report: Report) -> None:
        reports.note(loan.slot.living.holdings, report, client.known)

    def _is_outdated(self, path: str, loaded: Generation) -> bool:
        with contextlib.suppress(RunnerError):
            return self._runner.scripts.current(path).id != loaded.id
        return False

    def _end_loan(self, client: Client, loan: Loan, reason: str) -> None:
        worker = loan.slot.living
        with self._lock:
            if client.give_back(loan.id) is None:
                return  # another thread was first
            if not worker.is_blameless:
                client.ended.append(loan.id)
        log.info("worker %d: %s", worker.pid, reason)
        self._runner.pools.release(loan.slot, survives=False)
