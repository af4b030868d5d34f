"""
Who holds which worker: leases, as clients ask for them and give them back.

Must not know connections; ``serve`` has them, one thread a client.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import control
from .channel import hang_up
from .errors import ConfigError, RunnerError, ScriptInvalid
from .slot import fits, has

if TYPE_CHECKING:
    from collections.abc import Callable

    from .channel import Channel
    from .content import Generation
    from .control import Control
    from .runner import Runner
    from .slot import Slot
    from .worker import Worker

log = logging.getLogger("runner.lending")

Answer = tuple[dict[str, Any], "Channel | None"]
"""A result, and the wire that goes beside it."""


@dataclass(slots=True)
class Loan:
    """One worker that a client holds. ``told_swap``: the client was asked to give it back."""

    slot: Slot[Worker]
    since: float
    told_swap: bool = False


@dataclass(eq=False, slots=True)
class Client:
    """
    One connection to the control socket.

    Attributes:
        runs_scripts: Whether it ever asked for a worker; others only look.
        told: Generations that it was told of; kept, so that their copies stay for as long as it may load them.
        foreign: A worker that it holds from an earlier daemon; 0 for none.
    """

    control: Control
    pid: int
    loans: dict[int, Loan] = field(default_factory=dict)
    runs_scripts: bool = False
    told: dict[str, Generation] = field(default_factory=dict)
    foreign: int = 0
    sending: threading.Lock = field(default_factory=threading.Lock)


class Lending:
    """
    Lends the workers of one runner. Every method is safe to call from several clients' threads.

    Args:
        runner: Owns the workers and knows the scripts.
        wake: Called when there is upkeep to do.
    """

    def __init__(self, runner: Runner, wake: Callable[[], None]) -> None:
        self.clients: set[Client] = set()
        self.is_draining = False
        self._runner = runner
        self._wake = wake
        self._lock = threading.Lock()
        self._news = False  # whether more messages are refused than clients were told
        self._behind: set[str] = set()  # scripts of workers that came back with an older build
        self.requests: dict[str, Callable[[Client, dict[str, Any]], Answer]] = {
            "hello": self._hello,
            "lease": self._lease,
            "find": self._find,
        }
        self.notices: dict[str, Callable[[Client, dict[str, Any]], None]] = {
            "loaded": self._loaded,
            "report": self._report,
        }
        self.returns: dict[str, Callable[[Client, dict[str, Any], Channel | None], None]] = {
            "release": self._release,
            "retire": self._retire,
        }
        """Notices that have a wire beside them."""

    def join(self, client: Client) -> None:
        """A client has come."""
        with self._lock:
            self.clients.add(client)

    def leave(self, client: Client) -> None:
        """A client has gone. Its workers end; while draining they go on, for it may live."""
        with self._lock:
            self.clients.discard(client)
        if not self.is_draining:
            for loan in list(client.loans.values()):
                self._end_loan(client, loan, "its client has gone")

    def borrowers(self) -> dict[int, int]:
        """The worker's pid to its client's pid."""
        return {pid: client.pid for client in self._all() for pid in list(client.loans)}

    def users(self) -> int:
        """Clients that run scripts, so each wants a worker of its own."""
        return sum(1 for client in self._all() if client.runs_scripts or client.foreign)

    def ask_back(self, why: Callable[[Slot[Worker]], str]) -> list[tuple[Client, str]]:
        """Loans to be given back soon that were not asked for yet, with the reason."""
        asked = []
        for client in self._all():
            for loan in list(client.loans.values()):
                if not loan.slot.living.is_alive:
                    self._end_loan(client, loan, "died while lent")
                elif not loan.told_swap and (reason := why(loan.slot)):
                    loan.told_swap = True
                    asked.append((client, reason))
        return asked

    def refusals(self) -> dict[str, Any] | None:
        """The notice that tells every client which messages are refused; None when that is no news."""
        with self._lock:
            news, self._news = self._news, False
        return {"messages": self._runner.poison.refused_messages()} if news else None

    def prepare(self) -> None:
        """Load new builds ahead on workers that came back with older ones."""
        with self._lock:
            behind, self._behind = self._behind, set()
        for path in behind:
            self._runner.prepare(path)

    def abandon(self) -> int:
        """Leave every worker to its client; how many those were."""
        slots = [loan.slot for client in self._all() for loan in list(client.loans.values())]
        for slot in slots:
            self._runner.pool.abandon(slot)
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

    def _hello(self, client: Client, params: dict[str, Any]) -> Answer:
        if params["protocol"] != control.PROTOCOL:
            raise ConfigError(
                f"this daemon speaks control protocol {control.PROTOCOL}, the client {params['protocol']!r:.20}"
            )
        have = params["have"]
        if have is not None:
            client.foreign = int(have["pid"])
            log.info("client %d: holds worker %d from before", client.pid, client.foreign)
        return {"refused": self._runner.poison.refused_messages()}, None

    def _lease(self, client: Client, params: dict[str, Any]) -> Answer:
        client.runs_scripts = True
        if self.is_draining:
            raise ConfigError("the daemon is draining: no new leases")
        path, have = params["path"], params["have"]
        generation = self._runner.current(path)
        if (rejected := params.get("rejected")) is not None:
            known = client.told.get(rejected["generation"])
            if known is not None:
                error = ScriptInvalid(str(rejected["message"]), str(rejected["detail"]))
                generation = self._runner.scripts.reject(known, error)
        if (needs := params.get("needs")) is not None:
            known = client.told.get(needs["generation"], generation)
            generation = self._runner.scripts.extend(known, tuple(map(str, needs["names"])))
        slot = self._slot_for(client, have, generation)
        try:
            return self._lent(client, path, have, generation, slot)
        except BaseException:
            # While it waited for a worker its script may have been deleted, or refused.
            if slot is not None:
                self._runner.pool.release(slot, survives=True)
            raise

    def _lent(
        self,
        client: Client,
        path: str | None,
        have: dict[str, Any] | None,
        generation: Generation,
        slot: Slot[Worker] | None,
    ) -> Answer:
        """The answer to ``lease``. Until the wire is in it, the slot is the caller's."""
        stamps = self._runner.stamps(path)
        if self._runner.current(path).id != generation.id:
            stamps = None  # it changed meanwhile, so these may be of a later build: the client asks again
        result: dict[str, Any] = {
            "generation": generation.told(),
            "stamps": stamps.as_json() if stamps is not None else None,
            "keep": self._may_keep(),
            "is_ours": slot is not None or (have is not None and have["pid"] in client.loans),
            "worker": None,
        }
        # What a client was told of and may still load or report keeps its copies.
        reported = {id_ for loan in client.loans.values() for id_ in _ids(loan.slot.living)}
        reported |= set(_ids(slot.living)) if slot is not None else set()
        client.told = {
            id_: told for id_, told in client.told.items() if id_ in reported or told.path != generation.path
        }
        client.told[generation.id] = generation
        if slot is None:
            return result, None
        worker = slot.living
        if has(worker, generation):
            self._runner.scripts.accept(generation)  # it was loaded ahead, so no client will tell that it loads
        client.told.update({loaded.id: loaded for loaded in worker.loaded.values()})
        result["worker"] = {
            "pid": worker.pid,
            "execs": worker.execs,
            "loads": worker.loads,
            "bound": dict(worker.bound),
            "loaded": [loaded.told() for loaded in worker.loaded.values()],
            "keep": result["keep"],
            "fresh": self._runner.settings.statics == "fresh",
            "max_execs": slot.max_jobs,
            "max_loads": self._runner.settings.max_loads,
            "max_line_bytes": self._runner.settings.max_line_bytes,
            "is_placed": self._runner.settings.placement != "free",
        }
        wire = worker.lend()
        slot.is_lent = True
        client.loans[worker.pid] = Loan(slot, time.monotonic())
        return result, wire

    def undo(self, client: Client, pid: int, wire: Channel) -> None:
        """The answer of a lease did not reach the client: the worker is as good as before."""
        loan = client.loans.pop(pid, None)
        if loan is None:
            wire.close()  # upkeep has ended it meanwhile
            return
        loan.slot.living.take_back(wire)
        loan.slot.is_lent = False
        self._runner.pool.release(loan.slot, survives=True)

    def _find(self, client: Client, params: dict[str, Any]) -> Answer:
        """An assembly beside a script that a client runs, which the script loads by its simple name."""
        generation = client.told.get(params["generation"])
        helper = None if generation is None else self._runner.scripts.plugin(generation, params["name"])
        return {"helper": None if helper is None else helper.as_json()}, None

    def _slot_for(self, client: Client, have: dict[str, Any] | None, generation: Generation) -> Slot[Worker] | None:
        """A worker for the client; None when it does best to keep the one that it has."""
        if have is None:
            self._wake()
            return self._runner.pool.acquire(generation, time.monotonic() + self._runner.settings.allocate_timeout_s)
        self._runner.pool.use(generation)
        held = client.loans.get(have["pid"])
        if held is None:
            return self._runner.pool.acquire_loaded(generation)
        self._note(client, held, have)
        held.told_swap = False
        if (has(held.slot.living, generation) or not fits(held.slot.living, generation)) and not held.slot.doom:
            return None
        return self._runner.pool.acquire_loaded(generation)

    def _may_keep(self) -> bool:
        return self.users() <= self._runner.settings.max_workers

    # Notices.

    def _loaded(self, client: Client, params: dict[str, Any]) -> None:
        if (generation := client.told.get(params["generation"])) is not None:
            self._runner.scripts.accept(generation)

    def _report(self, client: Client, params: dict[str, Any]) -> None:
        if (loan := client.loans.get(params["pid"])) is not None:
            self._note(client, loan, params)

    def _release(self, client: Client, params: dict[str, Any], wire: Channel | None) -> None:
        loan = client.loans.get(params["pid"])
        if loan is None:
            client.foreign = 0
            hang_up(wire)
            return
        self._note(client, loan, params)
        if wire is None:
            # A process out of descriptors cannot take what is passed to it: the kernel closed the wire. Or it is none.
            self._end_loan(client, loan, "it came back without its wire")
            return
        if client.loans.pop(params["pid"], None) is None:
            wire.close()  # upkeep has ended it meanwhile
            return
        worker = loan.slot.living
        worker.take_back(wire)
        loan.slot.is_lent = False
        outdated = {path for path, loaded in worker.loaded.items() if self._is_outdated(path, loaded)}
        self._runner.pool.release(loan.slot, survives=True)
        if outdated:
            with self._lock:
                self._behind |= outdated
            self._wake()

    def _retire(self, client: Client, params: dict[str, Any], wire: Channel | None) -> None:
        reason, call_id = str(params["reason"]), params["call_id"]
        told = f"{reason} (Call-ID {call_id})" if call_id else reason
        generation = client.told.get(params["taken_by"])
        sender = call_id if isinstance(call_id, str) else None
        if generation is not None and self._runner.poison.note(generation, sender):
            self._news = True
            self._wake()
        loan = client.loans.pop(params["pid"], None)
        if loan is None:
            client.foreign = 0
            log.warning("worker %s, not lent by this daemon or dead by now: %s", params["pid"], told)
            hang_up(wire)
            return
        # Not here: the client asks for its next worker in the same breath, and an end takes up to 60 ms.
        end = threading.Thread(
            target=self._end_retired,
            args=(loan, told, params["is_stuck"] is True, wire),
            name=f"end {params['pid']}",
            daemon=True,
        )
        try:
            end.start()
        except RuntimeError:  # the kernel gives no thread
            self._end_retired(loan, told, params["is_stuck"] is True, wire)

    def _end_retired(self, loan: Loan, told: str, is_stuck: bool, wire: Channel | None) -> None:  # noqa: FBT001 - private
        if is_stuck:
            loan.slot.living.end_stuck(told)
        else:
            log.info("worker %d: %s", loan.slot.living.pid, told)
        self._runner.pool.release(loan.slot, survives=False)
        # Until here the wire was open, or the worker would have ended itself without a word.
        hang_up(wire)

    def _note(self, client: Client, loan: Loan, report: dict[str, Any]) -> None:
        """What a client says of its worker is what we know of it."""
        conversation = loan.slot.living.conversation
        conversation.execs, conversation.loads = int(report["execs"]), int(report["loads"])
        conversation.worn = str(report.get("worn", ""))  # a client that began before the daemon may not know it
        conversation.bound = {str(name): str(content) for name, content in report["bound"].items()}
        known = {path: client.told.get(id_) for path, id_ in report["loaded"].items()}
        conversation.loaded = {path: generation for path, generation in known.items() if generation is not None}

    def _is_outdated(self, path: str, loaded: Generation) -> bool:
        with contextlib.suppress(RunnerError):
            return self._runner.scripts.current(path).id != loaded.id
        return False

    def _end_loan(self, client: Client, loan: Loan, reason: str) -> None:
        worker = loan.slot.living
        if client.loans.pop(worker.pid, None) is None:
            return  # another thread was first
        log.info("worker %d: %s", worker.pid, reason)
        self._runner.pool.release(loan.slot, survives=False)


def _ids(worker: Worker) -> list[str]:
    return [generation.id for generation in worker.loaded.values()]
