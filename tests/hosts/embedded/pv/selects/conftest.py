"""The message that the tests of selects read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded.reading import OF_SELECTS, host_with

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.fixture
def host() -> MessageHost:
    return host_with(OF_SELECTS)
