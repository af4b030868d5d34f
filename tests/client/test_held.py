"""client.held: a pid is used where the daemon says that it is that process here, and never to name a worker."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from runner.client import held as held_module
from runner.client.held import Held
from runner.client.link import Link
from runner.client.tally import Tally
from runner.control.messages import Message, Worker
from runner.wire.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PID = 0x7FFF_FFFF


class Heard(Link):
    """A connection that keeps what is said."""

    def __init__(self) -> None:
        super().__init__("/nowhere/control.sock", lambda: None, lambda _notice: None, Tally())
        self.said: list[tuple[str, dict[str, Any], int]] = []

    def tell(self, notice: Message, descriptors: Sequence[int] = ()) -> None:
        self.said.append((notice.method, notice.as_json(), len(descriptors)))


@pytest.fixture
def channel() -> Iterator[Channel]:
    reads, their_writes = os.pipe()
    their_reads, writes = os.pipe()
    yield Channel(reads, writes)
    os.close(their_reads)
    os.close(their_writes)


@pytest.fixture
def signalled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    pids: list[int] = []
    monkeypatch.setattr(held_module, "send_sigcont", pids.append)
    return pids


def held(channel: Channel, *, is_local: bool) -> Held:
    worker = Worker(
        lease="1e", pid=PID, is_local=is_local, execs=3, loads=2, bound={}, ran={}, loaded=(), keep=True, fresh=False,
        max_execs=0, max_loads=None, max_line_bytes=4096, is_placed=True,
    )  # fmt: skip
    return Held.of(worker, channel, ())


@pytest.mark.parametrize("is_local", [True, False])
def test_only_a_local_worker_gets_signals_and_a_cpu(channel: Channel, signalled: list[int], is_local: bool) -> None:  # noqa: FBT001
    one = held(channel, is_local=is_local)
    assert one.conversation._placement.is_wanted is is_local

    one.release(Heard())

    assert signalled == ([PID] if is_local else [])


@pytest.mark.parametrize("is_stuck", [True, False])
def test_a_worker_is_named_by_its_lease_in_all_that_is_said_of_it(
    channel: Channel, signalled: list[int], *, is_stuck: bool
) -> None:
    link, one = Heard(), held(channel, is_local=True)

    one.retire(link, "it is stuck", None, None, is_stuck=is_stuck)

    ((method, said, descriptors),) = link.said
    assert (method, said["lease"], said["is_stuck"], descriptors) == ("retire", "1e", is_stuck, 2)
    assert str(PID) not in json.dumps([said, one.report().as_json()])
    assert signalled == ([PID] if is_stuck else []), "a stopped process does not see that its wire hangs up"


def test_a_limit_of_none_or_zero_is_no_limit(channel: Channel) -> None:
    one = held(channel, is_local=False)
    one.conversation.holdings.execs = one.conversation.holdings.loads = 10**9

    assert not one.is_spent()
    one.conversation.end()
