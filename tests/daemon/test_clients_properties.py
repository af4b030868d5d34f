"""The control socket, whatever a client says: bytes in any pieces, lines of any kind, parameters of any shape."""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.client.lease import Lease
from runner.control.connection import Control, ControlError
from runner.errors import PoolExhausted
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
METHODS = ("hello", "lease", "status", "reload", "loaded", "find", "report", "release", "retire", "none")
WORDS = (
    *("protocol", "have", "path", "needs", "rejected", "generation", "names", "message", "detail", "lease", "execs"),
    *("loads", "loaded", "bound", "retire_reason", "reason", "call_id", "is_stuck", "taken_by"),
)


def params(script: Path) -> st.SearchStrategy[Any]:
    """Parameters that are nearly right: the words of the protocol, with some of the right values."""
    right: st.SearchStrategy[Any] = st.sampled_from(
        [1, None, str(script), {}, [], True, {"lease": "1", "execs": 1, "loads": 1, "loaded": {}}]
    )
    nearly = st.dictionaries(st.sampled_from(WORDS), right | VALUES, max_size=len(WORDS))
    full = st.fixed_dictionaries(dict.fromkeys(WORDS, right | VALUES))
    return full | nearly | nearly.map(lambda have: {"path": str(script), "have": have}) | VALUES


def pair() -> tuple[Control, socket.socket]:
    ours, theirs = socket.socketpair()
    return Control(ours), theirs


def received(control: Control) -> list[dict[str, Any]]:
    """All messages up to the end."""
    found = []
    try:
        while True:
            found.append(control.receive(time.monotonic() + WAIT_S))
    except ControlError:
        return found


MESSAGES = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=3), min_size=1, max_size=4)


@given(messages=MESSAGES, cuts=st.lists(st.integers(0, 2000), max_size=6))
def test_messages_in_any_pieces_are_the_same_messages(messages: list[dict[str, Any]], cuts: list[int]) -> None:
    lines = [json.dumps({**message, "jsonrpc": "2.0"}).encode() + b"\n" for message in messages]
    data = b"".join(lines)
    expected = [json.loads(line) for line in lines]
    control, theirs = pair()
    found: list[dict[str, Any]] = []
    with closing(control), theirs:
        begin = 0
        for cut in sorted({min(cut, len(data)) for cut in cuts} | {len(data)}):
            theirs.send(data[begin:cut])
            while control.has_news() and len(found) < len(expected):
                try:
                    found.append(control.receive(time.monotonic() + 0.001))
                except ControlError:
                    break  # a piece of a line
            begin = cut
        theirs.shutdown(socket.SHUT_WR)
        found += received(control)

    assert [json.dumps(message | {"jsonrpc": "2.0"}, sort_keys=True) for message in found] == [
        json.dumps(message, sort_keys=True) for message in expected
    ]


@given(data=st.binary(max_size=300) | st.lists(st.binary(max_size=40), max_size=5).map(b"\n".join))
def test_bytes_are_messages_or_one_error(data: bytes) -> None:
    control, theirs = pair()
    with closing(control), theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)

        assert all(isinstance(message, dict) for message in received(control))


@given(count=st.integers(1, 12), lines=st.integers(0, 3))
def test_descriptors_that_nobody_wanted_are_closed(count: int, lines: int) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # how many is all that is wanted
    control, theirs = pair()
    with closing(control), theirs, Path("/dev/null").open("rb") as null:
        for number in range(count):
            data = b'{"jsonrpc":"2.0"}\n' if number < lines else b"x"
            socket.send_fds(theirs, [data], [null.fileno()] * (number % 3 + 1))
        theirs.shutdown(socket.SHUT_WR)
        received(control)

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    with RunningDaemon(tmp_path_factory.mktemp("properties"), "allocate_timeout_s = 0.1") as running:
        compiled(running.scripts, "Fine", "static int Main() { return 0; }")
        yield running


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_client_says_it_is_answered_or_hung_up_on_and_the_next_one_is_served(
    daemon: RunningDaemon, data: st.DataObject
) -> None:
    script = daemon.scripts / "Fine.exe"
    said = data.draw(
        st.lists(st.tuples(st.sampled_from(METHODS), params(script), st.booleans()), min_size=1, max_size=6)
    )
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(WAIT_S)
        sock.connect(str(daemon.socket))
        try:
            for method, given_params, is_request in said:
                message = {"jsonrpc": "2.0", "method": method, "params": given_params}
                sock.sendall(json.dumps(message | ({"id": 1} if is_request else {})).encode() + b"\n")
            sock.sendall(b'{"jsonrpc":"2.0","id":"last","method":"status","params":{}}\n')
            answered = b""
            while b'"id":"last"' not in answered and (more := sock.recv(65536)):
                answered += more
        except (BrokenPipeError, ConnectionResetError):
            pass

    assert "internal error" not in daemon.log()


def test_after_all_that_scripts_run_and_nothing_is_lent(daemon: RunningDaemon) -> None:
    until(lambda: daemon.status()["clients"] == 1, "those before have gone")
    with closing(Lease(str(daemon.socket))) as lease:

        def runs() -> bool:
            deadline = time.monotonic() + WAIT_S
            return lease.exec(str(daemon.scripts / "Fine.exe"), None, MessageHost(INVITE), deadline).code == 0

        def is_served() -> bool:
            with suppress(PoolExhausted):  # while those are replaced that went with their clients
                return runs()
            return False

        until(is_served, "there is a worker")
        assert all(runs() for _ in range(4))
