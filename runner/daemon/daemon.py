"""
The daemon: owns the workers and lends them to clients over a Unix socket.

It is not on the way of an exec: a client that holds a worker speaks with it directly, and goes on doing so when the
daemon has gone. One thread for each client, so that one that hangs holds up nobody else. Must not know Kamailio.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import queue
import socket
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from runner.control import counted, messages
from runner.control.connection import Control, ControlError, failure
from runner.control.peer import ROOT, peer_of, shares_pids
from runner.control.status import RefusedMessage, Status, Warming, WorkerStatus
from runner.errors import ConfigError
from runner.runner import Runner
from runner.runtimes.known import Runtimes
from runner.settings import NEEDS_RESTART, READ_BY_KAMAILIO
from runner.worker import confine
from runner.worker.worker import rss_kib

from .access import BACKLOG, KEPT_PLACES, bound, is_trusted, no_place, refusal
from .borrower import Client
from .dispatch import SEND_S, Dispatch
from .examination import Examination
from .loans import Loans
from .quiet import Quiet
from .systemd import notify

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.pool.slot import PoolSnapshot, Slot
    from runner.settings import Settings

    from .counting import Counting, Moment
    from .loans import Answer

log = logging.getLogger("runner.daemon")

FIRST_S = 10.0  # whoever connects and says nothing takes another one's place
IDLE_S = 86_400.0  # without a word the connection ends; a client connects again by itself
UPKEEP_S = 0.5
THREAD_BYTES = 16 << 20  # of address space: a stack, 8 MiB by default, and what Python takes until a thread runs
LAST_EXECS_S = 0.5  # after `stop`: what runs now may end
ENDING: dict[type[messages.Message], bool] = {messages.DrainRequest: True, messages.StopRequest: False}  # keeps_loans
# What changes the daemon for clients of all users.
ADMINISTRATION = frozenset({messages.ReloadRequest, messages.ResetRequest, *ENDING})


class Daemon:
    """
    Serves one control socket until ``end``. A context manager; what it needs is checked on entering.

    Args:
        settings: ``script_dirs`` is required; the rest as for ``Runner``.
        reread: Reads the settings again, for ``reload``.

    Raises:
        ConfigError: ``script_dirs`` is not set; it is root's and ``worker_user`` is not set; or the socket cannot be
            had: a live daemon holds it, its directory is missing or not its own, there is no such user or group.
        RunnerError: As entering a ``Runner``.
    """

    def __init__(self, settings: Settings, reread: Callable[[], Settings] | None = None) -> None:
        self.settings = settings
        runtimes = Runtimes(settings)
        self._in_use = runtimes.below(settings.script_dirs or ())
        # Without scripts yet, assemblies are what most sites will have.
        self.runner = Runner(settings, [name for name in runtimes.first if name in self._in_use or not self._in_use])
        self.started_at = time.monotonic()
        self._reread = reread
        self._wake = threading.Event()
        self._loans = Loans(self.runner, self._wake.set)
        self._examination = Examination(self.runner, self._in_use)
        self._ended = threading.Event()
        # A queue and no event: its put may run in a signal handler while this very thread waits in its get.
        self._ends: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._parts = contextlib.ExitStack()
        self._refused = Quiet(log, logging.WARNING, "a client is refused")
        requests: dict[type[messages.Message], Callable[[Client, Any], Answer]] = {
            messages.StatusRequest: lambda _client, _request: (self.status(), None),
            messages.ReloadRequest: lambda _client, _request: (self.reload(), None),
            messages.ResetRequest: lambda _client, _request: (self._reset(), None),
            **dict.fromkeys(ENDING, lambda _client, _request: (messages.Process(pid=os.getpid()), None)),
        }
        # The end closes every connection, so the answer goes first.
        after = {kind: partial(self.end, keeps_loans=keeps_loans) for kind, keeps_loans in ENDING.items()}
        self._dispatch = Dispatch(self._loans, requests, self._check_right, after)

    def __enter__(self) -> Self:
        if self.settings.script_dirs is None:
            raise ConfigError(
                'a daemon needs script_dirs: the directories of scripts, for example ["/etc/kamailio/mono"]'
            )
        confine.refuse_root(self.settings)
        with contextlib.ExitStack() as parts:
            self._listener = parts.enter_context(bound(self.settings))
            parts.enter_context(self.runner)
            if self.settings.nats:
                from runner.cluster.far import leasing  # noqa: PLC0415 - nothing of it is imported on one machine

                self._loans.choice.far = parts.enter_context(leasing(self.runner, self._wake.set))
            for name in self._in_use:
                self.runner.pools.of(name)  # its first worker starts now; one that cannot only costs its own scripts
            # Only now: to whoever connected earlier a daemon that starts would be one that hangs.
            self._listener.listen(BACKLOG)
            self._parts = parts.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def serve(self) -> bool:
        """Answer clients until ``end`` is called; then lend no more, and leave (true) or end the loans."""
        threads = [
            threading.Thread(target=self._accept, name="accept", daemon=True),
            threading.Thread(target=self._look_after, name="upkeep", daemon=True),
        ]
        for thread in threads:
            thread.start()
        self._examination.begin()
        notify("READY=1")
        keeps_loans = self._wait_for_end()
        notify("STOPPING=1")
        self._loans.is_draining = keeps_loans
        self._ended.set()
        self._wake.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(SEND_S)
        if keeps_loans:
            log.warning("drained: %d workers go on with their clients", self._loans.abandon())
        else:
            self._end_loans()
        self._loans.count()
        log.info("counted %d execs since the start", self._loans.counting.end())
        for client in list(self._loans.clients):
            client.control.shutdown()
        return keeps_loans

    def _wait_for_end(self) -> bool:
        # Seen in 5 of 28 stops (CPython 3.11.7): after SIGINT this thread stayed in a get without a limit. Why is not
        # known; with a limit none of the next 28 stops hung.
        while True:
            with contextlib.suppress(queue.Empty):
                return self._ends.get(timeout=UPKEEP_S)

    def end(self, *, keeps_loans: bool) -> None:
        """
        Let ``serve`` return; also from a signal handler.

        Args:
            keeps_loans: True: workers that clients hold go on serving them until another daemon takes over. False:
                every worker is ended; what runs gets ``LAST_EXECS_S``.
        """
        self._ends.put(keeps_loans)

    def reload(self) -> messages.ReloadAnswer:
        """
        Read the settings again and go on with them.

        Returns:
            The names of changed settings that this does not put into force everywhere.

        Raises:
            ConfigError: They are not valid; the old ones stay.
        """
        if self._reread is None:
            raise ConfigError("this daemon was started without a file of settings")
        new, old = self._reread(), self.settings
        changed = {name for name in type(new).model_fields if getattr(new, name) != getattr(old, name)}
        late, elsewhere = sorted(changed & NEEDS_RESTART), sorted(changed & READ_BY_KAMAILIO)
        kept = new.model_copy(update={name: getattr(old, name) for name in late})
        self.settings = self.runner.poison.settings = kept
        self.runner.take_settings(kept)
        self._examination.begin()
        if self.runner.scripts.take_settings(kept):
            # So each client asks again before its next exec.
            self._ask_back(lambda _slot: "script_dirs or files of scripts changed")
        after = f"; only after a restart: {', '.join(late)}" if late else ""
        after += f"; in Kamailio after app_python.reload: {', '.join(elsewhere)}" if elsewhere else ""
        log.warning("settings read again%s", after)
        return messages.ReloadAnswer(needs_restart=tuple(late), needs_kamailio_reload=tuple(elsewhere))

    def status(self) -> Status:
        """What the daemon looks like now."""
        pool = self.runner.snapshot()
        self._loans.count()
        found = self._loans.counting.scripts()
        return Status(
            pid=os.getpid(),
            socket=str(self.settings.socket),
            up_s=round(time.monotonic() - self.started_at, 1),
            load=str(self.settings.load) if self.settings.load else None,
            script_dirs=tuple(str(directory) for directory in self.settings.script_dirs or ()),
            clients=len(self._loans.clients),
            users=self._loans.users(),
            max_workers=self.settings.max_workers,
            advice=self._loans.choice.advice(self._loans.users_of),
            from_earlier_daemon=sum(1 for client in list(self._loans.clients) if client.holds_foreign),
            starting=pool.starting,
            ending=pool.ending,
            waiting=pool.waiting,
            start_failures=pool.start_failures,
            next_start_s=round(pool.next_start_s, 1),
            start_error=pool.start_error,
            refused_scripts=self.runner.poison.refused(),
            refused_messages=tuple(
                RefusedMessage(script=script, call_id=call_id, left_s=left_s)
                for script, call_id, left_s in self.runner.poison.refused_messages()
            ),
            started=pool.life.started,
            failed=pool.life.failed,
            ended=dict(pool.life.ended),
            refused_builds=self.runner.poison.builds,
            refused_calls=self.runner.poison.calls,
            outages=counted.outages(found),
            incidents=self._loans.counting.incidents(),
            scripts=counted.status(found, self.runner.scripts.reloads()),
            workers=self._workers(pool),
            checks=self._examination.found,
        )

    @property
    def counting(self) -> Counting:
        """What the clients count."""
        return self._loans.counting

    def history(self) -> list[Moment]:
        """As ``Counting.history``."""
        return self._loans.counting.history()

    def _workers(self, pool: PoolSnapshot) -> tuple[WorkerStatus, ...]:
        borrowers = self._loans.borrowers()
        warming = {
            pid: Warming(script=script, since_s=round(since_s, 1))
            for pid, (script, since_s) in self.runner.pools.warming().items()
        }
        return tuple(
            WorkerStatus(
                pid=worker.pid,
                state=worker.state,
                execs=worker.execs,
                loads=worker.loads,
                age_s=worker.age_s,
                unused_s=worker.unused_s,
                loaded=worker.loaded,
                builds=worker.builds,
                helpers=worker.helpers,
                retire_reason=worker.retire_reason,
                client=borrowers.get((worker.node, worker.pid)),
                warming=None if worker.node else warming.get(worker.pid),
                runtime=worker.runtime,
                version=worker.version,
                rss_kib=0 if worker.node else rss_kib(worker.pid),
                node=worker.node,
            )
            for worker in pool.workers
        )

    # One client, in its own thread.

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                if self._ended.is_set():
                    return
                # For example, out of descriptors: nothing is gained by trying again at once.
                log.error("cannot accept a connection: %s", error)  # noqa: TRY400  # the reason is all there is
                self._ended.wait(UPKEEP_S)
                continue
            try:
                self._welcome(sock)
            except Exception as error:  # noqa: BLE001  # no thread, for example; the next one may have more luck
                sock.close()
                log.error("cannot serve a connection: %s", error)  # noqa: TRY400  # the reason is all there is

    def _welcome(self, sock: socket.socket) -> None:
        connection = Control(sock)
        peer = peer_of(sock)
        reason, full = refusal(sock, self.settings), self._full(peer.uid)
        # An administrator asks what is wrong just when all places are taken.
        is_extra = bool(full) and peer.uid in {ROOT, os.geteuid()} and self._extras() < KEPT_PLACES
        if not is_extra:
            reason = reason or full
        if reason:
            self._refused.tell(reason)
            with contextlib.suppress(ControlError):
                # Not waited for: an empty socket takes it, and whoever comes next must not wait for this one.
                connection.send({"id": None, "error": failure(ConfigError(reason))}, time.monotonic() + SEND_S)
            connection.close()
            return
        is_known = is_trusted(peer.uid, self.settings)
        client = Client(connection, peer.pid, peer.uid, is_known, is_extra, shares_pids(peer.pid))
        self._loans.join(client)
        thread = threading.Thread(target=self._converse, args=(client,), name=f"client {client.pid}", daemon=True)
        try:
            mmap.mmap(-1, THREAD_BYTES).close()  # `start` waits for ever for a thread that has a stack, and no more
            thread.start()
        except BaseException:
            self._loans.leave(client)
            raise

    def _full(self, uid: int) -> str:
        """Why there is no place for a client of that user; empty when there is one."""
        return no_place(uid, [client.uid for client in list(self._loans.clients) if not client.is_extra], self.settings)

    def _extras(self) -> int:
        return sum(client.is_extra for client in list(self._loans.clients))

    def _converse(self, client: Client) -> None:
        limit_s = FIRST_S
        try:
            while True:
                self._dispatch.answer(client, client.control.receive(time.monotonic() + limit_s))
                limit_s = FIRST_S if client.is_extra else IDLE_S
        except ControlError as error:
            # Above DEBUG only for a client with a worker: each costs a start, so there cannot be any number of lines.
            log.log(logging.INFO if client.loans else logging.DEBUG, "client %d: %s", client.pid, error)
        except Exception:  # one client's fault must not end the daemon
            log.exception("client %d: internal error", client.pid)
        finally:
            client.control.close()
            self._loans.leave(client)

    def _check_right(self, client: Client, request: type[messages.Message]) -> None:
        """
        Refuse what a client may not ask.

        Raises:
            ConfigError: It may not.
        """
        if request in ADMINISTRATION and not client.is_trusted:
            raise ConfigError(f"{request.method}: only root, the daemon's user and socket_owner may")
        if client.is_extra and request in self._loans.requests:
            raise ConfigError(self._full(client.uid) or "this place is for questions; connect again")

    # Requests of an administrator.

    def _reset(self) -> messages.Done:
        self.runner.reset()
        self._ask_back(lambda _slot: "reset")
        return messages.Done()

    # Upkeep.

    def _look_after(self) -> None:
        """The upkeep thread: ask for workers back, load ahead on those that came back, report to systemd."""
        while not self._ended.is_set():
            try:
                notify("WATCHDOG=1")
                self._tell_refusals()
                self._loans.prepare()
                self._ask_back(self._why_back)
                self._loans.share_out()
                self._loans.count()
            except Exception:  # upkeep that ended would end all freshness ahead; the next round may be better
                log.exception("upkeep failed")
            self._wake.wait(UPKEEP_S)
            self._wake.clear()

    def _tell_refusals(self) -> None:
        """Clients that hold a worker do not ask before they use it, so they have to know what not to run."""
        if self._loans.has_refusals():
            for client in [client for client in list(self._loans.clients) if client.wants_worker]:
                self._dispatch.notify(client, messages.Refuse(messages=self._loans.refusals(client)))

    def _why_back(self, slot: Slot) -> str:
        pool = self.runner.pools.of_slot(slot)
        reason = pool.wants_back(slot)
        if not reason and pool.snapshot().waiting:
            reason = "others wait for a worker"
        return reason

    def _ask_back(self, why: Callable[[Slot], str]) -> None:
        for client, swap in self._loans.ask_back(why):
            self._dispatch.notify(client, swap)

    def _end_loans(self) -> None:
        self._ask_back(lambda _slot: "the daemon stops")
        deadline = time.monotonic() + LAST_EXECS_S
        while time.monotonic() < deadline and self._loans.borrowers():
            time.sleep(0.01)
        self._loans.end("the daemon stops")
