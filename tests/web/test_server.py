"""web.server: HTTP beside the daemon, of a real one."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.errors import ConfigError
from runner.web.server import MOST_CONNECTIONS, serving
from tests.ports import free_tcp_port
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment


def hello(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@pytest.fixture
def port() -> Iterator[int]:
    found = free_tcp_port()
    with serving(f"127.0.0.1:{found}", 0o600, hello):
        yield found


def get(port: int, path: str = "/", timeout_s: float = WAIT_S) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_it_answers_until_its_end_and_leaves_nothing() -> None:
    port, before = free_tcp_port(), len(list(Path("/proc/self/fd").iterdir()))
    with serving(f"127.0.0.1:{port}", 0o600, hello):
        assert get(port) == (200, b"hello")

    with pytest.raises(ConnectionRefusedError):
        get(port)
    until(lambda: len(list(Path("/proc/self/fd").iterdir())) == before, "every descriptor is closed")


def test_connections_that_say_nothing_do_not_take_all_places(port: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS // 2):
            stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", port))))

        assert get(port) == (200, b"hello")


def test_connections_are_bounded_and_go_on_when_some_have_ended(port: int) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):  # with a few more in the queue of the kernel
            stack.enter_context(contextlib.closing(socket.create_connection(("127.0.0.1", port))))
        with pytest.raises(TimeoutError):
            get(port, timeout_s=0.5)

    assert get(port) == (200, b"hello")


@pytest.mark.parametrize(
    "bytes_", [b"\0" * 100, b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 100_000, b"POST / HTTP/9\r\n\r\n"]
)
def test_what_is_no_request_is_answered_or_hung_up_on(port: int, bytes_: bytes) -> None:
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), WAIT_S)) as sock:
        sock.settimeout(WAIT_S)
        with contextlib.suppress(ConnectionError):
            sock.sendall(bytes_ + b"\r\n\r\n")
            sock.recv(100)

    assert get(port) == (200, b"hello")


def test_a_unix_socket_has_the_permissions_of_the_control_socket(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    for _ in range(2):  # the second one takes the place of what a killed daemon left
        left = socket.socket(socket.AF_UNIX)
        if not path.exists():
            left.bind(str(path))
        left.close()
        with serving(str(path), 0o660, hello), contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(WAIT_S)
            sock.connect(str(path))
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert sock.recv(1000).startswith(b"HTTP/1.0 200 OK\r\n")
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert not path.exists()


def test_an_address_that_is_taken_is_named(port: int) -> None:
    with (
        pytest.raises(ConfigError, match=f"^http: cannot listen on 127.0.0.1:{port}: Address already in use"),
        serving(f"127.0.0.1:{port}", 0o600, hello),
    ):
        pass


def test_an_address_that_others_reach_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with serving(f"0.0.0.0:{free_tcp_port()}", 0o600, hello):
        pass

    assert "whoever reaches this address reads names of scripts, Call-IDs and stacks" in caplog.text


def test_a_daemon_shows_its_state_and_a_drain_takes_no_longer(tmp_path: Path) -> None:
    port = free_tcp_port()
    with RunningDaemon(tmp_path, f'http = "127.0.0.1:{port}"\nnum_workers = 1') as daemon:
        until(lambda: get(port, "/ready") == (200, b"ok\n"), "it is ready")
        code, content = get(port, "/api/status")
        idle = socket.create_connection(("127.0.0.1", port))
        began = time.monotonic()
        daemon.signal(signal.SIGTERM)
        daemon.wait()

        assert (code, json.loads(content)["pid"]) == (200, daemon.pid)
        assert time.monotonic() - began < WAIT_S
        assert f"http serves 127.0.0.1:{port}" in daemon.log()
        idle.close()
