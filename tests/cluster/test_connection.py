"""runner.cluster.connection: one thread that speaks NATS."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from runner.cluster import watched
from runner.cluster.connection import Connection
from runner.settings import Settings
from tests.cluster.servers import Servers, connected
from tests.programs import WAIT_S, until
from tests.running_daemon import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nats.aio.msg import Msg


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers(tmp_path_factory.mktemp("servers")) as started:
        yield started


def test_what_a_user_may_not_do_is_said_by_the_server_and_logged(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(servers.urls("sip")) as connection:
        connection.call(connection.listen("appmono.v1.lease.mono", _ignore), WAIT_S)
        until(lambda: "permissions violation for subscription" in caplog.text.lower(), "the server refuses")
        connection.post(connection.publish, "appmono.v1.host.a.b", b"forged")
        until(lambda: "permissions violation for publish" in caplog.text.lower(), "the server refuses")


def test_a_server_that_is_not_there_yet_is_found_later(tmp_path: Path) -> None:
    servers = Servers(tmp_path)
    heard = threading.Event()

    async def hear(_: Msg) -> None:
        heard.set()

    with ExitStack() as stack:
        connection = Connection(Settings(nats=servers.urls("admin")), "test").__enter__()
        assert not connection.is_connected
        connection.call(connection.listen("a", hear), WAIT_S)

        stack.enter_context(servers)
        stack.callback(connection.__exit__)
        until(lambda: connection.is_connected, "it is connected")
        connection.post(connection.publish, "a", b"x")

        assert heard.wait(WAIT_S)


def test_a_server_that_ends_and_comes_back_costs_what_was_asked_and_nothing_else(tmp_path: Path) -> None:
    heard = threading.Event()
    changes: list[str] = []

    async def hear(message: Msg) -> None:
        changes.append(message.data.decode())
        heard.set()

    async def silent(_: Msg) -> None:
        """It never answers."""
        asked.set()

    asked = threading.Event()
    with Servers(tmp_path) as servers, connected(servers.urls("admin")) as connection:
        connection.tell(
            lost=lambda: changes.append("lost"),
            back=lambda: changes.append("back"),
            gone=lambda: changes.append("gone"),
        )
        connection.call(connection.listen("a", hear), WAIT_S)
        connection.call(connection.listen("silent", silent), WAIT_S)

        def kill_then() -> None:
            asked.wait(WAIT_S)
            servers.kill(0)

        kill = threading.Thread(target=kill_then)
        kill.start()
        with pytest.raises(ConnectionError, match="was lost"):
            connection.call(connection.request("silent", b"", WAIT_S), 2 * WAIT_S)
        kill.join()
        until(lambda: "gone" in changes, "no server takes a connection")
        assert not connection.is_expected
        connection.post(connection.owe, "a", b"owed")
        servers.start(0)

        assert heard.wait(WAIT_S)

    assert changes[0] == "lost"
    assert set(changes[1:-2]) == {"gone"}
    assert changes[-2:] == ["back", "owed"]


def test_what_the_server_sends_after_it_was_left_is_still_heard(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request for a lease that came after the answer to the PING behind an UNSUB was dropped by nats-py."""
    monkeypatch.setattr(watched, "LATE_S", WAIT_S)
    heard = threading.Event()
    held: list[Any] = []

    async def hear(_: Msg) -> None:
        heard.set()

    async def hold(*message: object) -> None:
        held.append(message)

    with connected(servers.urls("admin")) as connection:
        listens = connection.call(connection.listen("late", hear), WAIT_S)
        client = connection.client()
        process = client._process_msg
        monkeypatch.setattr(client, "_process_msg", hold)
        connection.post(connection.publish, "late", b"x")
        until(lambda: held, "the server has sent it")

        connection.post(connection.leave, listens)
        connection.call(client.flush(), WAIT_S)
        connection.call(process(*held[0]), WAIT_S)

        assert heard.wait(WAIT_S)


def test_a_connection_that_is_closed_is_not_expected_and_nothing_can_be_done_on_it(servers: Servers) -> None:
    """A worker of a node was waited for until the deadline, or RuntimeError came, while a daemon ended."""
    with connected(servers.urls("admin")) as connection:
        pass

    assert not connection.is_expected
    with pytest.raises(ConnectionError, match="there is no connection to NATS"):
        connection.call(connection.request("a", b"", WAIT_S), WAIT_S)


def test_what_nobody_waits_for_any_more_is_one_line_in_the_log(
    servers: Servers, caplog: pytest.LogCaptureFixture
) -> None:
    """asyncio would log a traceback."""

    async def fails() -> None:
        raise ValueError("late")

    with connected(servers.urls("sip")) as connection:
        connection.post(lambda: connection.loop.create_task(fails()))
        until(lambda: "NATS: ValueError: late" in caplog.text, "it is logged")

    assert "Traceback" not in caplog.text


def test_nobody_there_is_known_at_once(servers: Servers) -> None:
    with (
        connected(servers.urls("admin")) as connection,
        pytest.raises(ConnectionError, match="nobody answers"),
    ):
        connection.call(connection.request("nobody", b"", WAIT_S), WAIT_S)


def test_without_the_library_the_error_says_how_to_get_it() -> None:
    program = (
        "import sys; sys.modules['nats'] = None\nfrom runner.cluster.connection import Connection\n"
        "from runner.settings import Settings\n"
        "try: Connection(Settings(nats=['nats://n1']), 'test')\nexcept Exception as error: print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, timeout=WAIT_S, check=True
    )

    assert said.stdout == "nats needs the library nats-py: pip install 'app-mono[cluster]'\n"


async def _ignore(_: Msg) -> None:
    """Nobody listens."""
