"""
What becomes of one message of a client: it is read, handed to whoever answers it, and the answer is sent.

A malformed message is the client's fault and is answered as such. Any other exception is ours: it is logged with its
traceback and answered as an internal error. Must not know what is asked.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from runner.control.connection import INTERNAL_ERROR, INVALID_PARAMS, UNKNOWN_METHOD, ControlError, failure
from runner.control.kinds import Malformed
from runner.errors import RunnerError
from runner.wire.channel import ENDS, hang_up, received

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.control.messages import Message
    from runner.wire.channel import Channel

    from .borrower import Client
    from .loans import Answer, Loans

log = logging.getLogger("runner.daemon")

SEND_S = 1.0  # a client that does not read its answers is dropped
NOTICE_S = 0.001  # nor is a notice waited for: upkeep tells one client after the other, and the watchdog waits for it


class Dispatch:
    """
    Answers clients. Safe to use from several threads, one for each client.

    Args:
        loans: Answers requests for workers, and hears what clients say of theirs.
        requests: Who answers the others.
        check_right: Raises a ``RunnerError`` when a client may not ask that.
        after: What to do when a request has its answer.
    """

    def __init__(
        self,
        loans: Loans,
        requests: Mapping[type[Message], Callable[[Client, Any], Answer]],
        check_right: Callable[[Client, type[Message]], None],
        after: Mapping[type[Message], Callable[[], None]],
    ) -> None:
        self._loans = loans
        self._after = after
        self._check_right = check_right
        self._requests = {kind.method: (kind, handle) for kind, handle in {**loans.requests, **requests}.items()}
        self._notices = {kind.method: (kind, handle) for kind, handle in loans.notices.items()}
        self._returns = {kind.method: (kind, handle) for kind, handle in loans.returns.items()}

    def answer(self, client: Client, message: dict[str, Any]) -> None:
        """
        Deal with one message.

        Raises:
            ControlError: It is none, or the answer cannot be sent: the connection is of no use any more.
        """
        method, params = message.get("method"), message.get("params", {})
        if not isinstance(method, str) or not isinstance(params, dict):
            raise ControlError(f"expected a request, got {message!r:.80}")
        if "id" in message:
            self._reply(client, message["id"], method, params)
            return
        try:
            self._note(client, method, params)
        except Malformed as error:
            raise ControlError(f"{method}: {error}") from error

    def notify(self, client: Client, notice: Message) -> None:
        """Send what needs no answer. A client that has not read the ones before is hung up on."""
        said = {"method": notice.method, "params": notice.as_json()}
        try:
            with client.sending:
                client.control.send(said, time.monotonic() + NOTICE_S)
        except ControlError:
            client.control.shutdown()

    def _note(self, client: Client, method: str, params: dict[str, Any]) -> None:
        if method in self._notices:
            kind, hear = self._notices[method]
            hear(client, kind.read(params))
            return
        if method not in self._returns:
            raise ControlError(f"there is no notice {method!r:.80}")
        kind, take = self._returns[method]
        wire = received(client.control.take_descriptors(ENDS))
        try:
            take(client, kind.read(params), wire)
        except BaseException:
            hang_up(wire)  # unless a worker has it by now: ``Worker.take_back`` detaches it
            raise

    def _reply(self, client: Client, request_id: object, method: str, params: dict[str, Any]) -> None:
        if method not in self._requests:
            self._fail(client, request_id, UNKNOWN_METHOD, f"there is no method {method!r:.80}")
            return
        kind, handle = self._requests[method]
        try:
            self._check_right(client, kind)
            answer, wire = handle(client, kind.read(params))
        except RunnerError as error:
            if self._loans.is_draining:
                # To its client this is the daemon's end: it goes on with what it has, or waits for the next daemon.
                raise ControlError("hung up on, as the daemon is draining") from error
            self._send(client, {"id": request_id, "error": failure(error)})
        except Malformed as error:
            self._fail(client, request_id, INVALID_PARAMS, f"{method}: {error}")
        except Exception:  # a fault of ours must not look like one of the client's, nor end its connection
            log.exception("client %d: internal error in %s", client.pid, method)
            self._fail(client, request_id, INTERNAL_ERROR, f"{method}: internal error of the daemon, see its log")
        else:
            try:
                self._give(client, request_id, answer, wire)
            finally:
                if kind in self._after:
                    self._after[kind]()

    def _give(self, client: Client, request_id: object, answer: Message, wire: Channel | None) -> None:
        try:
            self._send(client, {"id": request_id, "result": answer.as_json()}, wire)
        except ControlError:
            if wire is not None:
                self._loans.undo(client, answer, wire)
            raise
        hang_up(wire)

    def _fail(self, client: Client, request_id: object, code: int, text: str) -> None:
        self._send(client, {"id": request_id, "error": {"code": code, "message": text}})

    def _send(self, client: Client, message: dict[str, Any], wire: Channel | None = None) -> None:
        with client.sending:
            client.control.send(message, time.monotonic() + SEND_S, wire.descriptors() if wire else ())
