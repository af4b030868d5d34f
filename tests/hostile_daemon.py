"""A daemon and a worker that say whatever they like, and a client of theirs: ``make fuzz`` and the kept inputs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.client import held as held_module
from runner.client.lease import Lease
from runner.control.connection import Control
from runner.errors import RunnerError
from runner.hosts.embedded.host import MessageHost
from runner.wire.session import Session, State
from tests.places import INVITE

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE_S = 0.003
MOST_TURNS = 15  # of a worker: a pipe has 16 pages, and takes one for each
PATIENCE_S = 10.0
"""Far beyond every deadline of an exec, so that only one that does not keep to it takes so long."""
SCRIPT = "/x/a.exe"
GENERATION: dict[str, Any] = {
    "id": "6f",
    "path": SCRIPT,
    "runtime": "mono",
    "parts": [[SCRIPT, "aa"], None, None],
    "helpers": {},
    "files": {},
}
WORKER: dict[str, Any] = {
    "lease": "1e", "pid": 0x7FFF_FFFF, "is_local": True, "execs": 0, "loads": 0, "bound": {}, "ran": {},
    "loaded": [GENERATION], "keep": True, "fresh": False, "max_execs": 0, "max_loads": 0, "max_line_bytes": 4096,
    "is_placed": False, "runtime": "mono", "can": ["values", "edits"], "node": "n1",
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "generation": GENERATION, "stamps": {"files": {}, "links": {}}, "keep": True, "is_ours": True, "worker": WORKER,
    "entries": ["route"],
}  # fmt: skip
DONE = b'{"jsonrpc":"2.0","id":%d,"result":{"code":0,"used":0,"edits":[]}}\n'

# What the first byte of an input chooses.
SAYS_HELLO, IS_LOADED, HANGS_UP, LIVES, HAS_NO_PIPES = 1, 2, 4, 8, 16
MORE_DESCRIPTORS = 32, 64


def descriptors() -> set[str]:
    """What this process has open."""
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the names alone


def in_state(state: State) -> Session:
    """A session that a worker's bytes come to. RUNNING has begun an exec; ASKED one within two others, which asked."""
    talk = Session(4096, state if state in {State.STARTING, State.IDLE} else State.IDLE)
    if state in {State.RUNNING, State.ASKED}:
        talk.exec("x", None, certain=0b101, takes=(str, str, int))
    if state is State.ASKED:
        for number in (1, 2):
            talk.receive(b'{"jsonrpc":"2.0","id":%d,"method":"PV.GetS","params":["$ru"]}\n' % number)
            talk.exec("y", None, certain=0b101, takes=(str, str, int))
    return talk


class RunsWithin(MessageHost):
    """Runs the script again, within the exec that asks for a function of a module."""

    def __init__(self, client: Lease) -> None:
        super().__init__(INVITE)
        self._client = client

    def modf(self, function: str, *_arguments: str) -> int:
        with contextlib.suppress(RunnerError):
            self._client.exec(SCRIPT, function, self, time.monotonic() + DEADLINE_S, "route")
        return 1


def one_lease(data: bytes) -> None:
    """
    Two execs of a client whose daemon and worker say what an input has.

    Args:
        data: A byte of choices, then up to a byte 0xFF the daemon's lines, or an object that changes an answer which is
            good otherwise; behind it what the worker says, in turns with a byte 0xFE between them.

    Raises:
        AssertionError: An exec took far longer than its deadline, or left descriptors open.
    """
    before = descriptors()
    choices, said, by_worker = data[0] if data else 0, *_split(data[1:])
    began = time.monotonic()
    with contextlib.ExitStack() as theirs:
        connections = _connections(choices, said, by_worker, theirs)
        # Where the socket lies and who is asked about it, other tests look at; a signal to whatever has this pid none.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Control, "connect", lambda _path, _deadline: Control(next(connections)))
            patch.setattr(held_module, "send_sigcont", _is_a_process)
            client = Lease("/nowhere/control.sock")
            for _ in range(2):
                with contextlib.suppress(RunnerError):
                    client.exec(SCRIPT, "p", RunsWithin(client), time.monotonic() + DEADLINE_S)
            client.close()
    assert time.monotonic() - began < PATIENCE_S, "an exec went on beyond its deadline"
    assert descriptors() <= before, "descriptors are left"


def _split(data: bytes) -> tuple[bytes, bytes]:
    said, _, by_worker = data.partition(b"\xff")
    return said, by_worker


def _is_a_process(pid: int) -> None:
    assert type(pid) is int, f"{pid!r} for kill(2)"
    assert pid > 0, f"{pid} for kill(2)"


def _connections(choices: int, said: bytes, by_worker: bytes, theirs: contextlib.ExitStack) -> Iterator[socket.socket]:
    """The client's end of one connection after the other: first the hostile one, then such as end at once."""
    while True:
        ours, daemon = socket.socketpair()
        theirs.callback(daemon.close)
        if said is not None:
            _speak(daemon, choices, said, by_worker, theirs)
            if choices & HANGS_UP:
                daemon.shutdown(socket.SHUT_WR)
            said, choices = b"", choices | HANGS_UP
        yield ours


def _speak(daemon: socket.socket, choices: int, said: bytes, by_worker: bytes, theirs: contextlib.ExitStack) -> None:
    """Send everything at once; the client takes each line for the answer to what it asks next."""
    lines = b""
    if choices & SAYS_HELLO:
        lines += _line({"id": 1, "result": {"refused": []}})
        changed = _changed(said, is_loaded=bool(choices & IS_LOADED))
        lines += said if changed is None else _line({"id": 1, "result": changed})
    else:
        lines += said
    count = 2 if not choices & MORE_DESCRIPTORS[0] else 1 if not choices & MORE_DESCRIPTORS[1] else 4
    passed = _wire(choices, by_worker, theirs, count)
    try:
        socket.send_fds(daemon, [lines or b"\n"], passed)
    finally:
        for descriptor in passed:
            os.close(descriptor)


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"


def _changed(said: bytes, *, is_loaded: bool) -> dict[str, Any] | None:
    """The good answer, with the members of an object in the place of its own, its worker's or its generation's."""
    try:
        change = json.loads(said or b"{}")
    except (ValueError, RecursionError):
        return None
    if not isinstance(change, dict):
        return None
    worker = WORKER if is_loaded else {**WORKER, "loaded": []}
    answer = {**ANSWER, "worker": worker, **{name: value for name, value in change.items() if name in ANSWER}}
    for name in ("worker", "generation"):
        own = {key: value for key, value in change.items() if key in {**WORKER, **GENERATION} and key not in ANSWER}
        if isinstance(answer[name], dict):
            answer[name] = {**answer[name], **{key: value for key, value in own.items() if key in answer[name]}}
    return answer


def _wire(choices: int, by_worker: bytes, theirs: contextlib.ExitStack, count: int) -> list[int]:
    """Descriptors for the client: its ends of two pipes, the worker's words in one of them, or what is no pipe."""
    if choices & HAS_NO_PIPES:
        return [os.open(Path("/dev/null"), os.O_RDWR | os.O_CLOEXEC) for _ in range(count)]
    reads, their_writes = os.pipe2(os.O_DIRECT)  # what is written at one time is read at one time
    their_reads, writes = os.pipe()
    for turn in by_worker.split(b"\xfe", MOST_TURNS - 1):
        os.write(their_writes, turn)
    for descriptor in (their_reads, their_writes):
        if choices & LIVES:
            theirs.callback(os.close, descriptor)
        else:
            os.close(descriptor)
    found = [reads, writes]
    for descriptor in found[count:]:
        os.close(descriptor)
    return [*found[:count], *(os.dup(found[0]) for _ in range(count - len(found)))]
