"""A channel and the worker's ends of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from runner.wire.channel import Channel
from tests.wire.ends import Ends

if TYPE_CHECKING:
    from collections.abc import Generator


@pytest.fixture
def pair() -> Generator[tuple[Channel, Ends]]:
    their_reads, our_writes = os.pipe()
    our_reads, their_writes = os.pipe()
    channel, theirs = Channel(our_reads, our_writes), Ends(their_reads, their_writes)
    yield channel, theirs
    channel.close()
    theirs.close()
