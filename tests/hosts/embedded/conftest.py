"""The message that most tests of single variables read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded.reading import MESSAGE, having

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.fixture
def host() -> MessageHost:
    return having(MESSAGE)
