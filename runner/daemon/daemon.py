"""
The daemon: owns the workers and lends them to clients over a Unix socket.

It is not on the way of an exec: a client that holds a worker speaks with it directly, and goes on doing so when the
daemon has gone. One thread a client, so that one that hangs holds up nobody else. Must not know Kamailio.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from runner.control.connection import INVALID_PARAMS, UNKNOWN_METHOD, Control, ControlError, failure
from runner.control.peer import ROOT, peer_of
from runner.errors import ConfigError, RunnerError
from runner.runner import Runner
from runner.settings import NEEDS_RESTART, READ_BY_KAMAILIO
from runner.wire.channel import ENDS, hang_up, received

from .access import KEPT_PLACES, is_trusted, listen, no_place, refusal
from .borrower import Client
from .loans import Lending
from .quiet import Quiet
from .systemd import notify

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.pool.slot import Slot
    from runner.settings import Settings
    from runner.wire.channel import Channel

    from .loans import Answer

log = logging.getLogger("runner.serve")

SEND_S = 1.0  # a client that does not read its answers is dropped
NOTICE_S = 0.001  # nor is a notice waited for: upkeep tells one client after the other, and the watchdog waits for it
FIRST_S = 10.0  # whoever connects and says nothing takes another one's place
IDLE_S = 86_400.0  # without a word the connection ends; a client connects again by itself
UPKEEP_S = 0.5
LAST_EXECS_S = 0.5  # after `stop`: what runs now may end
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)  # what a wrong parameter comes to
ENDING = {"drain": True, "stop": False}  # keeps_loans
ADMINISTRATION = frozenset({"reload", "reset", *ENDING})  # what changes the daemon for clients of all users


class Daemon:
    """
    Serves one control socket until ``end``. A context manager; what it needs is checked on entering.

    Args:
        settings: ``script_dirs`` is required; the rest as for ``Runner``.
        reread: Reads the settings anew, for ``reload``.

    Raises:
        ConfigError: ``script_dirs`` is not set; it is root's and ``worker_user`` is not set; or the socket cannot be
            had: a live daemon holds it, its directory is missing or not its own, there is no such user or group.
        RunnerError: As entering a ``Runner``.
    """

    def __init__(self, settings: Settings, reread: Callable[[], Settings] | None = None) -> None:
        self.settings = settings
        self.runner = Runner(settings)
        self.started_at = time.monotonic()
        self._reread = reread
        self._wake = threading.Event()
        self._lending = Lending(self.runner, self._wake.set)
        self._ended = threading.Event()
        # A queue and no event: its put may run in a signal handler while this very thread waits in its get.
        self._ends: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._parts = contextlib.ExitStack()
        self._refused = Quiet(log, logging.WARNING, "a client is refused")
        self._requests: dict[str, Callable[[Client, dict[str, Any]], Answer]] = self._lending.requests | {
            "status": lambda _client, _params: (self.status(), None),
            "reload": lambda _client, _params: (self.reload(), None),
            "reset": lambda _client, _params: self._reset(),
            **dict.fromkeys(ENDING, lambda _client, _params: ({"pid": os.getpid()}, None)),
        }

    def __enter__(self) -> Self:
        if self.settings.script_dirs is None:
            raise ConfigError('a daemon needs script_dirs: the directories of scripts, for one ["/etc/kamailio/mono"]')
        if os.geteuid() == ROOT and not self.settings.worker_user:
            # Whoever may connect can have any code run in a worker: its wire takes what is said on it.
            raise ConfigError(
                'a daemon of root needs worker_user: set worker_user = "app-mono-scripts", a user for scripts alone '
                '(adduser --system --group --no-create-home app-mono-scripts); or worker_user = "root", which says '
                "that scripts, and all who may connect, may do what root may"
            )
        with contextlib.ExitStack() as parts:
            self._listener = parts.enter_context(listen(self.settings))
            parts.enter_context(self.runner)
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
        notify("READY=1")
        keeps_loans = self._wait_for_end()
        notify("STOPPING=1")
        self._lending.is_draining = keeps_loans
        self._ended.set()
        self._wake.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(SEND_S)
        if keeps_loans:
            log.warning("drained: %d workers go on with their clients", self._lending.abandon())
        else:
            self._end_loans()
        for client in list(self._lending.clients):
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

    def reload(self) -> dict[str, Any]:
        """
        Read the settings again and go on with them.

        Returns:
            As JSON, the names of changed settings that this does not put into force everywhere: ``needs_restart`` of
            the daemon; ``needs_kamailio_reload``, because Kamailio's processes read the file themselves.

        Raises:
            ConfigError: They are not valid; the old ones stay.
        """
        if self._reread is None:
            raise ConfigError("this daemon was started without a file of settings")
        new, old = self._reread(), self.settings
        changed = {name for name in type(new).model_fields if getattr(new, name) != getattr(old, name)}
        late, elsewhere = sorted(changed & NEEDS_RESTART), sorted(changed & READ_BY_KAMAILIO)
        kept = new.model_copy(update={name: getattr(old, name) for name in late})
        self.settings = self.runner.settings = self.runner.pool.settings = self.runner.poison.settings = kept
        if kept.script_dirs != old.script_dirs:
            self.runner.scripts.restrict(kept.script_dirs)
            self._ask_back(lambda _slot: "script_dirs changed")  # who holds a worker asks again before it runs a script
        self.runner.pool.wake.set()
        after = f"; only after a restart: {', '.join(late)}" if late else ""
        after += f"; in Kamailio after app_python.reload: {', '.join(elsewhere)}" if elsewhere else ""
        log.warning("settings read again%s", after)
        return {"needs_restart": late, "needs_kamailio_reload": elsewhere}

    def status(self) -> dict[str, Any]:
        """What the daemon looks like now, as JSON; times in seconds."""
        pool = self.runner.snapshot()
        borrowers = self._lending.borrowers()
        warming = {
            pid: {"script": script, "since_s": round(since_s, 1)}
            for pid, (script, since_s) in self.runner.pool.warming.now().items()
        }
        users, most = self._lending.users(), self.settings.max_workers
        return {
            "pid": os.getpid(),
            "socket": str(self.settings.socket),
            "up_s": round(time.monotonic() - self.started_at, 1),
            "load": str(self.settings.load) if self.settings.load else None,
            "script_dirs": [str(directory) for directory in self.settings.script_dirs or ()],
            "clients": len(self._lending.clients),
            "users": users,
            "max_workers": most,
            "advice": f"{users} processes run scripts: set max_workers to at least {users}" if users > most else "",
            "from_earlier_daemon": sum(1 for client in list(self._lending.clients) if client.holds_foreign),
            "starting": pool.starting,
            "ending": pool.ending,
            "waiting": pool.waiting,
            "start_failures": pool.start_failures,
            "next_start_s": round(pool.next_start_s, 1),
            "start_error": pool.start_error,
            "refused_scripts": self.runner.poison.refused(),
            "refused_messages": [
                {"script": script, "call_id": call_id, "left_s": left_s}
                for script, call_id, left_s in self.runner.poison.refused_messages()
            ],
            "workers": [
                dataclasses.asdict(worker) | {"client": borrowers.get(worker.pid), "warming": warming.get(worker.pid)}
                for worker in pool.workers
            ],
        }

    # One client, in its own thread.

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                if self._ended.is_set():
                    return
                # For one, out of descriptors: nothing is gained by trying again at once.
                log.error("cannot accept a connection: %s", error)  # noqa: TRY400  # the reason is all there is
                self._ended.wait(UPKEEP_S)
                continue
            try:
                self._welcome(sock)
            except Exception as error:  # noqa: BLE001  # for one, no thread; whoever comes next may have more luck
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
        client = Client(connection, peer.pid, peer.uid, is_trusted(peer.uid, self.settings), is_extra)
        self._lending.join(client)
        thread = threading.Thread(target=self._converse, args=(client,), name=f"client {client.pid}", daemon=True)
        try:
            thread.start()
        except BaseException:
            self._lending.leave(client)
            raise

    def _full(self, uid: int) -> str:
        """Why there is no place for a client of that user; empty when there is one."""
        return no_place(
            uid, [client.uid for client in list(self._lending.clients) if not client.is_extra], self.settings
        )

    def _extras(self) -> int:
        return sum(client.is_extra for client in list(self._lending.clients))

    def _converse(self, client: Client) -> None:
        limit_s = FIRST_S
        try:
            while True:
                self._answer(client, client.control.receive(time.monotonic() + limit_s))
                limit_s = FIRST_S if client.is_extra else IDLE_S
        except ControlError as error:
            # Only who has a worker is told of: each costs a start, so there cannot be any number of lines.
            log.log(logging.INFO if client.loans else logging.DEBUG, "client %d: %s", client.pid, error)
        except Exception:  # one client's fault must not end the daemon
            log.exception("client %d: internal error", client.pid)
        finally:
            client.control.close()
            self._lending.leave(client)

    def _answer(self, client: Client, message: dict[str, Any]) -> None:
        method, params, request_id = message.get("method"), message.get("params", {}), message.get("id")
        if not isinstance(method, str) or not isinstance(params, dict):
            raise ControlError(f"expected a request, got {message!r:.80}")
        if "id" not in message:
            self._note(client, method, params)
            return
        self._reply(client, request_id, method, params)

    def _note(self, client: Client, method: str, params: dict[str, Any]) -> None:
        wire = None
        try:
            if method in self._lending.returns:
                wire = received(client.control.take_descriptors(ENDS))
                self._lending.returns[method](client, params, wire)
            elif method in self._lending.notices:
                self._lending.notices[method](client, params)
            else:
                raise ControlError(f"there is no notice {method!r:.80}")
        except MALFORMED as error:
            hang_up(wire)
            raise ControlError(f"{method}: parameters not as expected: {error!r:.80}") from error

    def _reply(self, client: Client, request_id: object, method: str, params: dict[str, Any]) -> None:
        request = self._requests.get(method)
        if request is None:
            error = {"code": UNKNOWN_METHOD, "message": f"there is no method {method!r:.80}"}
            self._send(client, {"id": request_id, "error": error})
            return
        try:
            self._check_right(client, method)
            result, wire = request(client, params)
        except RunnerError as error:
            self._send(client, {"id": request_id, "error": failure(error)})
        except MALFORMED as error:
            text = f"{method}: parameters not as expected: {error!r:.80}"
            self._send(client, {"id": request_id, "error": {"code": INVALID_PARAMS, "message": text}})
        else:
            try:
                self._send(client, {"id": request_id, "result": result}, wire)
            except ControlError:
                if wire is not None:
                    self._lending.undo(client, result["worker"]["pid"], wire)
                raise
            finally:
                if method in ENDING:  # answered first: the end closes every connection
                    self.end(keeps_loans=ENDING[method])
            hang_up(wire)

    def _check_right(self, client: Client, method: str) -> None:
        """
        Refuse what is not this client's to ask.

        Raises:
            ConfigError: It is not.
        """
        if method in ADMINISTRATION and not client.is_trusted:
            raise ConfigError(f"{method}: only root, the daemon's user and socket_owner may")
        if client.is_extra and method in self._lending.requests:
            raise ConfigError(self._full(client.uid) or "this place is for questions; connect again")

    def _send(self, client: Client, message: dict[str, Any], wire: Channel | None = None) -> None:
        with client.sending:
            client.control.send(message, time.monotonic() + SEND_S, wire.descriptors() if wire else ())

    def _notify(self, client: Client, method: str, params: dict[str, Any]) -> None:
        """Send what needs no answer. A client that has not read the ones before is hung up on."""
        try:
            with client.sending:
                client.control.send({"method": method, "params": params}, time.monotonic() + NOTICE_S)
        except ControlError:
            client.control.shutdown()

    # Requests of an administrator.

    def _reset(self) -> Answer:
        self.runner.reset()
        self._ask_back(lambda _slot: "reset")
        return {}, None

    # Upkeep.

    def _look_after(self) -> None:
        """The upkeep thread: ask for workers back, load ahead on those that came back, tell systemd."""
        while not self._ended.is_set():
            try:
                notify("WATCHDOG=1")
                self._tell_refusals()
                self._lending.prepare()
                self._ask_back(self._why_back)
                self._lending.share_out()
            except Exception:  # upkeep that ended would end all freshness ahead; the next round may be better
                log.exception("upkeep failed")
            self._wake.wait(UPKEEP_S)
            self._wake.clear()

    def _tell_refusals(self) -> None:
        """Clients that hold a worker do not ask before they use it, so they are told what not to run."""
        if self._lending.has_refusals():
            for client in [client for client in list(self._lending.clients) if client.wants_worker]:
                self._notify(client, "refuse", {"messages": self._lending.refusals(client)})

    def _why_back(self, slot: Slot) -> str:
        reason = self.runner.pool.wants_back(slot)
        if not reason and self.runner.snapshot().waiting:
            reason = "others wait for a worker"
        return reason

    def _ask_back(self, why: Callable[[Slot], str]) -> None:
        for client, reason in self._lending.ask_back(why):
            self._notify(client, "swap", {"reason": reason})

    def _end_loans(self) -> None:
        self._ask_back(lambda _slot: "the daemon stops")
        deadline = time.monotonic() + LAST_EXECS_S
        while time.monotonic() < deadline and self._lending.borrowers():
            time.sleep(0.01)
        self._lending.end("the daemon stops")
