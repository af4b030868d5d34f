"""runner.worker.host_calls: what a script's calls do at the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import (
    CallRefused,
)
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE
from tests.worker.workers import loaded, soon

if TYPE_CHECKING:
    from pathlib import Path

    from runner.worker.worker import Worker


class RefusingHost(MessageHost):
    def set_s(self, name: str, value: str) -> int:
        raise CallRefused(f"not {name} = {value}")


class BrokenHost(MessageHost):
    def set_s(self, name: str, value: str) -> int:
        raise ZeroDivisionError(f"{name} {value}")


@pytest.mark.parametrize("kind", [RefusingHost, BrokenHost])
def test_a_call_that_the_host_refuses_or_fails_at_gives_the_error_value(
    worker: Worker, tmp_path: Path, kind: type[MessageHost]
) -> None:
    generation = loaded(worker, "LoneSurrogates", tmp_path)

    outcome = worker.exec(generation, None, kind(INVITE), soon())

    assert outcome.code == 0
    assert worker.is_alive
