"""runner.scripts.watch: a change is heard of."""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest
from watchdog.observers.api import EventQueue, ObservedWatch
from watchdog.observers.inotify import InotifyEmitter

from tests.scripts.builds import SOON_S, Builds, Make

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runner.scripts.current import CurrentScripts


class Heard:
    """What the watch said, waited for with a deadline."""

    def __init__(self) -> None:
        self._said = threading.Condition()
        self._paths: list[str] = []

    def __call__(self, path: str) -> None:
        with self._said:
            self._paths.append(path)
            self._said.notify_all()

    def wait(self, path: Path) -> None:
        with self._said:
            assert self._said.wait_for(lambda: str(path) in self._paths, SOON_S)

    def forget(self) -> None:
        with self._said:
            self._paths.clear()


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + SOON_S
    while not what():
        assert time.monotonic() < deadline, "not in time"
        threading.Event().wait(0.005)


def watching(scripts: CurrentScripts, directory: Path) -> bool:
    watch = scripts._watch
    assert watch is not None
    stat = directory.stat()
    return watch._watches.get(str(directory), (None,))[0] == (stat.st_dev, stat.st_ino)


@pytest.mark.parametrize("observer", ["inotify", "polling"])
def test_the_watch_tells_of_a_changed_script(make: Make, script: Path, builds: Builds, observer: str) -> None:
    heard = Heard()
    scripts = make(heard, observer=observer)
    scripts.current(str(script))
    until(lambda: watching(scripts, script.parent))

    script.write_bytes(builds["b"] + b"longer")

    heard.wait(script)


def test_the_watch_survives_a_directory_that_is_deleted_and_made_again(
    make: Make, script: Path, builds: Builds
) -> None:
    heard = Heard()
    scripts = make(heard)
    scripts.current(str(script))
    until(lambda: watching(scripts, script.parent))
    assert scripts._watch is not None
    watches = scripts._watch._watches
    before = watches[str(script.parent)]
    shutil.rmtree(script.parent)
    script.parent.mkdir()
    until(lambda: watches.get(str(script.parent), before) is not before)
    heard.forget()

    script.write_bytes(builds["b"])

    heard.wait(script)


def test_the_watch_tells_of_a_swapped_symlink(make: Make, tmp_path: Path, script: Path) -> None:
    heard = Heard()
    scripts = make(heard)
    link = tmp_path / "current"
    link.symlink_to(script.parent)
    path = link / "x.exe"
    scripts.current(str(path))
    until(lambda: watching(scripts, tmp_path))

    (tmp_path / "new").symlink_to(tmp_path)
    (tmp_path / "new").replace(link)

    heard.wait(path)


def test_a_kernel_that_refuses_inotify_means_polling_and_one_warning(
    make: Make, script: Path, builds: Builds, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import watchdog.observers  # noqa: PLC0415  # only here

    def refuse() -> None:
        raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr(watchdog.observers, "Observer", refuse)
    heard = Heard()
    scripts = make(heard)
    scripts.current(str(script))
    until(lambda: watching(scripts, script.parent))

    script.write_bytes(builds["b"] + b"longer")

    heard.wait(script)
    assert caplog.text.count("polling from now on") == 1


def test_an_event_that_comes_as_a_directory_is_let_go_of_is_no_line_in_the_log(
    make: Make, tmp_path: Path, script: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Bug: watchdog's own errors were in the daemon's log."""
    scripts = make(Heard())
    scripts.current(str(script))
    until(lambda: watching(scripts, script.parent))
    late = InotifyEmitter(EventQueue(), ObservedWatch(str(tmp_path), recursive=False))

    late.queue_events(0)

    assert caplog.text == ""
