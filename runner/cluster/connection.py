"""
The connection to NATS: one thread with an event loop, which connects again for ever.

Must not know leases. nats-py is imported here alone, and only when a connection is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as NotInTime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from runner.errors import ConfigError

from .opening import CONNECT_S, opened, place, tls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription

    from runner.settings import Settings

    from .watched import Watched

log = logging.getLogger("runner.cluster")

T = TypeVar("T")

RETRY_S = 0.2  # between two rounds over all servers
PATIENCE_S = 0.5  # after a loss: until then the next connection is waited for, or until no server takes it
MOST_OWED = 4096  # messages for the next connection; the oldest ones are dropped
REFUSED_S = 5.0  # until the next attempt after a refusal: a password does not become right by trying
CLOSE_S = 5.0
SAME_S = 10.0  # one fault is logged once in so many seconds
NO_NATS = "there is no connection to NATS"
LOST = "the connection to NATS was lost"
NOBODY = "nobody answers there"


class Subject:
    """
    One subject that is listened to, over all connections.

    Attributes:
        queue: The queue group; "" for none.
        hear: Called in the loop with each message.
    """

    def __init__(self, subject: str, queue: str, hear: Callable[[Msg], Awaitable[None]]) -> None:
        self.subject = subject
        self.queue = queue
        self.hear = hear
        self.client: Watched | None = None
        self.subscription: Subscription | None = None


class Connection:
    """
    A context manager: on entering it connects, and tries again in the background where no server can be reached.

    Methods say which thread they are for: the loop's own, or any.

    Args:
        settings: ``nats`` and ``nats_ca``.
        name: What the servers show for it.

    Attributes:
        urls: Of the servers.
        count: How many connections there have been until now.

    Raises:
        ConfigError: nats-py is not installed, or ``nats_ca`` has no certificates. On entering: the servers refuse the
            user.
    """

    def __init__(self, settings: Settings, name: str) -> None:
        try:
            import nats.aio.client  # noqa: F401, PLC0415 - an optional extra
        except ImportError as error:
            raise ConfigError("nats needs the library nats-py: pip install 'app-mono[cluster]'") from error
        self.urls = list(settings.nats)
        self._tls = tls(settings.nats_ca)
        self._name = name
        self._joined: Callable[[Client], Awaitable[None]] | None = None
        self._lost: Callable[[], None] = lambda: None
        self._back: Callable[[], None] = lambda: None
        self._gone: Callable[[], None] = lambda: None
        self.count = 0
        self._expected_until = 0.0
        self._owed: deque[tuple[str, bytes]] = deque(maxlen=MOST_OWED)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="nats", daemon=True)
        self._client: Watched | None = None
        self._subjects: list[Subject] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_closing = False
        self._keeping: asyncio.Task[None] | None = None
        self._last_fault = ""
        self._last_fault_at = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        began = asyncio.run_coroutine_threadsafe(self._begin(), self._loop)
        try:
            began.result(CONNECT_S + CLOSE_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(NotInTime, CancelledError):
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_S)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, for readers of pipes and timers."""
        return self._loop

    @property
    def is_connected(self) -> bool:
        """For any thread."""
        return self._client is not None and self._client.is_connected

    @property
    def is_expected(self) -> bool:
        """Whether there is none now, but it was lost a moment ago and may be back at once; for any thread."""
        return not self.is_connected and (self._client is not None or time.monotonic() < self._expected_until)

    @property
    def most_bytes(self) -> int:
        """The longest message that the server takes."""
        return self._client.max_payload if self._client is not None else 1024 * 1024

    def client(self) -> Watched:
        """
        The client of nats-py, for the loop's thread.

        Raises:
            ConnectionError: There is no connection now.
        """
        if self._client is None or not self._client.is_connected:
            raise ConnectionError(NO_NATS)
        return self._client

    def call(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """
        Do something in the loop and wait for it; for any other thread.

        Raises:
            TimeoutError: It was not done in time; it is cancelled.
            ConnectionError: The connection is being closed, or is closed.
        """
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:  # the loop is closed
            work.close()
            raise ConnectionError(NO_NATS) from None
        try:
            return future.result(timeout_s)
        except NotInTime:
            future.cancel()
            raise TimeoutError from None
        except CancelledError:
            raise ConnectionError(NO_NATS) from None

    def post(self, step: Callable[..., object], *arguments: object) -> None:
        """Call something in the loop soon; for any thread. After the end nothing happens."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(step, *arguments)

    # In the loop.

    def tell(
        self,
        *,
        lost: Callable[[], None],
        back: Callable[[], None],
        gone: Callable[[], None] = lambda: None,
        joined: Callable[[Client], Awaitable[None]] | None = None,
    ) -> None:
        """
        Who is to hear of changes; the last one that said so.

        Args:
            lost: Called when the connection is lost.
            back: Called when there is one again.
            gone: Called when there was none ``PATIENCE_S`` after a loss, or no server takes one.
            joined: Called with each new client of nats-py, before it is used.
        """
        self._lost, self._back, self._gone, self._joined = lost, back, gone, joined

    def repeat(self, step: Callable[[], Awaitable[None]], pause_s: float) -> None:
        """Do something again and again; what it raises is logged, and it goes on."""

        async def go_on() -> None:
            while True:
                try:
                    await step()
                except Exception as error:  # noqa: BLE001 - the next round may be better
                    self._note(f"NATS: {type(error).__name__}: {error}")
                await asyncio.sleep(pause_s)

        self.start(go_on())

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Do something beside all else; what it raises is logged."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def publish(self, subject: str, data: bytes, reply: str = "") -> bool:
        """Send a message, after all that were published before. False: there is no connection, and it is not sent."""
        if self._client is None or not self._client.is_connected:
            return False
        self.start(self._client.publish(subject, data, reply))
        return True

    def owe(self, subject: str, data: bytes) -> None:
        """As ``publish``; without a connection it is sent as the first thing on the next one."""
        if not self.publish(subject, data):
            self._owed.append((subject, data))

    async def request(self, subject: str, data: bytes, timeout_s: float) -> bytes:
        """
        Ask, and return the answer.

        Raises:
            ConnectionError: Nobody listens there, or there is no connection.
            TimeoutError: No answer came in time.
        """
        from nats import errors  # noqa: PLC0415 - as above

        client = self.client()
        asking = asyncio.ensure_future(client.request(subject, data, timeout=timeout_s))
        ended = asyncio.ensure_future(client.ended.wait())
        try:
            await asyncio.wait({asking, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise ConnectionError(LOST)
            return (await asking).data
        except errors.NoRespondersError:
            raise ConnectionError(NOBODY) from None
        except errors.TimeoutError:
            raise TimeoutError from None
        except errors.Error as error:
            raise ConnectionError(str(error)) from error
        finally:
            asking.cancel()
            ended.cancel()

    async def listen(self, subject: str, hear: Callable[[Msg], Awaitable[None]], queue: str = "") -> Subject:
        """Hear all messages on a subject, over all connections from now on, until ``leave``."""
        heard = Subject(subject, queue, hear)
        self._subjects.append(heard)
        if self._client is not None:
            await self._subscribe(self._client, heard)
        return heard

    def leave(self, heard: Subject) -> None:
        """Do not listen there any more; what the server has sent, or is about to send, is still heard."""
        if heard in self._subjects:
            self._subjects.remove(heard)
        if heard.client is not None and heard.subscription is not None:
            self.start(heard.client.leave(heard.subscription))

    async def _begin(self) -> None:
        """Connect once; where that is not possible now, go on trying."""
        client = None
        try:
            client = await self._connected()
        except (OSError, TimeoutError) as error:
            self._note(f"{NO_NATS} yet, and it is tried again and again: {error}")
        self._keeping = self._loop.create_task(self._keep(client))

    async def _connected(self) -> Watched:
        """
        A new client, connected and with all subscriptions.

        Raises:
            ConfigError, OSError: As ``opened``.
        """

        def fault(error: Exception) -> None:
            if not self._is_closing:
                self._note(f"NATS: {error}")

        client = await opened(self.urls, self._tls, self._name, fault)
        try:
            if self._joined is not None:
                await self._joined(client)
            while missing := [heard for heard in self._subjects if heard.client is not client]:
                await self._subscribe(client, missing[0])
        except BaseException:  # it ended again meanwhile
            await client.close()
            raise
        self._client, self._expected_until = client, 0.0
        self.count += 1
        while self._owed:
            self.publish(*self._owed.popleft())
        log.warning("connected to NATS, %s", place(client))
        self._loop.call_soon(self._back)
        return client

    async def _subscribe(self, client: Watched, heard: Subject) -> None:
        from nats import errors  # noqa: PLC0415 - as above

        heard.client, heard.subscription = client, None
        try:
            heard.subscription = await client.subscribe(heard.subject, queue=heard.queue, cb=heard.hear)
        except errors.ConnectionClosedError:
            return  # the next connection has it
        if heard not in self._subjects:  # it was left meanwhile
            self.start(client.leave(heard.subscription))

    async def _keep(self, client: Watched | None) -> None:
        """Make another client where there is none, and as soon as the one that there is has ended."""
        while not self._is_closing:
            if client is not None:
                await client.ended.wait()
                client = self._client = None
                self._expected_until = time.monotonic() + PATIENCE_S
                log.warning("%s", LOST)
                self._loop.call_later(PATIENCE_S, self._give_up)
                self._loop.call_soon(self._lost)
            pause_s = RETRY_S
            try:
                client = await self._connected()
                continue
            except ConfigError as error:
                self._note(str(error))
                pause_s = REFUSED_S
            except Exception as error:  # noqa: BLE001 - whatever it is, the next attempt may do better
                self._note(f"{NO_NATS} yet: {error}")
            self._expected_until = 0.0
            self._give_up()
            await asyncio.sleep(pause_s)

    def _give_up(self) -> None:
        """What waited for the next connection has waited for long enough, unless there is one."""
        if not self.is_connected and not self.is_expected:
            self._loop.call_soon(self._gone)

    async def _end(self) -> None:
        self._is_closing = True
        if self._keeping is not None:
            self._keeping.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1.0)
        client = self._client
        if client is not None and client.is_connected:
            with contextlib.suppress(Exception):  # what was published last has a moment to go out
                await client.flush(1)
        self._client, self._expected_until = None, 0.0
        if client is not None:
            await client.close()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._note(f"NATS: {type(error).__name__}: {error}")

    def _note(self, text: str) -> None:
        """Log a fault, and not again while it stays the same."""
        now = time.monotonic()
        if text != self._last_fault or now > self._last_fault_at + SAME_S:
            self._last_fault, self._last_fault_at = text, now
            log.warning("%s", text)

    def _unheard(self, _loop: asyncio.AbstractEventLoop, told: dict[str, Any]) -> None:
        """What a task has ended with whose caller has given up, with asyncio's words where there is no exception."""
        error = told.get("exception")
        self._note(f"NATS: {told['message'] if error is None else f'{type(error).__name__}: {error}'}")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(self._unheard)
        try:
            self._loop.run_forever()
        finally:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(asyncio.sleep(0))  # what was closed last is closed by the next round
            self._loop.close()
