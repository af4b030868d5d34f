"""The participants: two users of the system, and senders of SIP to a listener."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.attack.served import Served
from tests.attack.users import new_user
from tests.kamailio.rig import Peer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.attack.users import User


@pytest.fixture
def attacker() -> Iterator[User]:
    with new_user() as user:
        yield user


@pytest.fixture
def victim() -> Iterator[User]:
    with new_user() as user:
        yield user


@pytest.fixture
def served() -> Iterator[Served]:
    with Served() as served:
        yield served


@pytest.fixture
def caller(served: Served) -> Iterator[Peer]:
    with Peer(served.port) as peer:
        yield peer


@pytest.fixture
def bystander() -> Iterator[Peer]:
    """A party that has sent nothing."""
    with Peer(9) as peer:
        yield peer
