"""runner.worker.conversation: the talk with one worker, from its first line to its last."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    ConfigError,
    ProtocolViolation,
    ScriptInvalid,
    WorkerDied,
)
from runner.hosts.embedded.host import MessageHost
from runner.wire.channel import Channel
from runner.wire.session import Session, State
from runner.worker.conversation import Conversation
from tests.places import INVITE
from tests.pool.test_warming import build
from tests.programs import WAIT_S
from tests.worker.workers import loaded, soon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.worker.worker import Worker


def test_a_parameter_that_is_too_long_is_refused_and_the_worker_keeps_serving(worker: Worker, tmp_path: Path) -> None:
    generation = loaded(worker, "ReturnsIntTakesArguments", tmp_path)

    with pytest.raises(ConfigError, match="expected a line of at most"):
        worker.exec(generation, "x" * (9 * 1024 * 1024), MessageHost(INVITE), soon())

    assert worker.exec(generation, "four", MessageHost(INVITE), soon()).code == 4


def test_a_file_that_is_not_an_assembly_is_refused_and_the_worker_keeps_serving(worker: Worker, tmp_path: Path) -> None:
    good = loaded(worker, "ReturnsInt", tmp_path)
    vanished = replace(good, id="other", path="/x/other.exe", assembly=replace(good.assembly, hash="0" * 64))

    with pytest.raises(ScriptInvalid, match=r"other\.exe"):
        worker.load(vanished, soon())

    assert worker.exec(good, None, MessageHost(INVITE), soon()).code == 7


# What is said in a late run.

QUESTION = b'{"jsonrpc":"2.0","id":1,"method":"PV.GetS","params":["$ru"]}\n'
EXITING = b'{"jsonrpc":"2.0","method":"exiting","params":{"code":3,"exec":0}}\n'
TEXT = b'{"jsonrpc":"2.0","method":"Core.Log","params":[1,"x"]}\n'


@contextlib.contextmanager
def late(max_line_bytes: int = 1024) -> Iterator[tuple[Conversation, int]]:
    """A conversation in a late run, and where its worker speaks."""
    (reads, says), (hears, writes) = os.pipe(), os.pipe()
    session = Session.resumed(max_line_bytes, State.RUNNING, 0, 0, b"")
    conversation = Conversation(Channel(reads, writes), session, 1, 0)
    try:
        yield conversation, says
    finally:
        conversation.end()
        os.close(hears)
        os.close(says)


def test_a_script_that_asks_and_ends_the_process_at_the_same_time_has_ended() -> None:
    with late() as (conversation, says):
        os.write(says, QUESTION + EXITING)

        with pytest.raises(WorkerDied, match="code 3"):
            conversation.finish(build(), time.monotonic() + WAIT_S)


def test_a_late_run_says_no_more_than_one_in_time() -> None:
    with late(64) as (conversation, says), contextlib.ExitStack() as stack:
        ends = threading.Event()

        def flood() -> None:
            with contextlib.suppress(OSError):
                while not ends.is_set():
                    os.write(says, TEXT)

        thread = threading.Thread(target=flood)
        thread.start()
        stack.callback(thread.join, WAIT_S)
        stack.callback(conversation.end)
        stack.callback(ends.set)

        with pytest.raises(ProtocolViolation, match="more than one exec may"):
            conversation.finish(build(), time.monotonic() + WAIT_S)
