"""Every test of a fault ends with a check that nothing is left over."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests import warm
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tools.chaos import processes_in

if TYPE_CHECKING:
    from collections.abc import Iterator


def descriptors() -> list[str]:
    """The open descriptors of this process, without the one that lists them."""
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(fd.readlink()))
        except FileNotFoundError:
            continue
    return sorted(found)


@pytest.fixture(scope="session", autouse=True)
def server() -> None:
    """Start what lives on, whichever test would be the first that needs it."""
    warm.server()


@pytest.fixture(autouse=True)
def nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Check that no descriptor, no file of a runner and no process in its directories is left over."""
    temporary = tmp_path / "tmp"
    temporary.mkdir(mode=0o755)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    before = len(descriptors())
    yield
    until(lambda: not processes_in(temporary), "every worker has ended")
    until(lambda: len(descriptors()) <= before, f"every descriptor is closed: {descriptors()}")
    assert not list(temporary.iterdir())
    assert not list(Path("/dev/shm").glob(f"mono.{os.getpid()}*"))  # noqa: S108 - where mono leaves them


@pytest.fixture
def runner() -> Iterator[Runner]:
    """A runner with a worker and a spare, as operators have it, and long timeouts for a busy machine."""
    settings = Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, start_timeout_s=WAIT_S)
    with Runner(settings) as running:
        yield running


@pytest.fixture
def host() -> MessageHost:
    return MessageHost(INVITE)
