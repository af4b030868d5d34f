"""The system around the files: no room, no inotify, a clock that was set back. Execs go on; what is missing is said."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import resource
import shutil
import subprocess
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.errors import ConfigError, PoolExhausted
from runner.hosts.embedded.host import MessageHost
from runner.scripts.builds import PATIENCE_S
from runner.scripts.current import CurrentScripts
from runner.scripts.stamps import Stamp
from runner.settings import Settings
from runner.worker.rundir import run_directory
from tests.places import INVITE, opened
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, app_mono, compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RETURNS = "static int Main(string[] a) {{ return {0}; }}"
HOUR_NS = 3600 * 1_000_000_000
NOBODY = 65534
CLONE_NEWUSER = 0x10000000


def run(lease: Lease, script: Path) -> int | None:
    return lease.exec(str(script), None, MessageHost(INVITE), time.monotonic() + WAIT_S).code


def run_or_none(lease: Lease, script: Path) -> int | None:
    try:
        return run(lease, script)
    except PoolExhausted:
        return None


@contextmanager
def small_file_system(place: Path) -> Iterator[Path]:
    """A file system of its own that is easily filled: 1 MiB, 64 files."""
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,nr_inodes=64", "tmpfs", str(place)],  # noqa: S607  # from PATH
        capture_output=True, text=True, check=False, timeout=WAIT_S,
    )  # fmt: skip
    if made.returncode != 0:
        pytest.skip(f"a full file system needs the right to mount one: run the tests as root ({made.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True, timeout=WAIT_S)  # noqa: S607


def fill(place: Path) -> list[Path]:
    """Take all room and all names; the files that did."""
    files = [place / "big"]
    with contextlib.suppress(OSError), files[0].open("wb", buffering=0) as file:
        while file.write(b"x" * 1024):
            pass
    with contextlib.suppress(OSError):
        while True:
            name = place / f"f{len(files)}"
            name.touch()
            files.append(name)
    with pytest.raises(OSError, match="No space left"):
        (place / "more").touch()
    return files


def test_while_the_file_system_is_full_the_last_good_build_serves_and_then_the_new_one(tmp_path: Path) -> None:
    with (
        small_file_system(tmp_path / "small") as small,
        RunningDaemon(tmp_path, "spare_workers = 0", {"TMPDIR": str(small)}) as daemon,
        closing(Lease(str(daemon.socket))) as lease,
        closing(Lease(str(daemon.socket))) as other,
    ):
        script = compiled(daemon.scripts, "Changes", RETURNS.format(1))
        before = run(lease, script)
        files = fill(small)
        compiled(daemon.scripts, "Changes", RETURNS.format(2))

        meanwhile = [run(lease, script) for _ in range(3)]
        with pytest.raises(PoolExhausted, match="No space left"):
            run(other, script)
        told = app_mono("status", "--socket", str(daemon.socket)).stdout
        for file in files:
            file.unlink()
        after = run(lease, script)
        until(lambda: run_or_none(other, script) == 2, "a second worker can be started")

        assert (before, meanwhile, after) == (1, [1, 1, 1], 2)
        assert "Changes.exe: cannot be copied" in daemon.log()
        assert "No space left on device" in daemon.log()
        assert "starts failed" in told
        assert "No space left on device" in told
        assert [path.name for path in small.glob("*/blobs/*.*")] == []


def in_a_child(body: Callable[[], None]) -> int:
    """Run ``body`` in a child process, for what it does to itself; 0 when it raised nothing."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            body()
            code = 0
        except BaseException as error:  # noqa: BLE001  # told, as nothing else can be
            os.write(2, f"{error!r}\n".encode())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_copy_that_cannot_be_written_leaves_nothing_of_it_and_the_last_good_build(tmp_path: Path) -> None:
    """As above for whoever may not mount: the kernel refuses files above a limit instead."""
    script = compiled(tmp_path / "scripts", "Changes", RETURNS.format(1))
    other = compiled(tmp_path / "scripts", "Other", RETURNS.format(2))

    def body() -> None:
        scripts = CurrentScripts(Settings(), tmp_path / "run")
        good = scripts.current(str(script))
        scripts.accept(good)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        other.replace(script)
        assert scripts.current(str(script)) is good
        assert len(list((tmp_path / "run").iterdir())) == 1
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert scripts.current(str(script)) is not good

    assert in_a_child(body) == 0


def test_a_runner_that_has_no_room_for_its_directory_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_file_system(tmp_path / "small") as small:
        monkeypatch.setattr("tempfile.tempdir", str(small))
        files = fill(small)
        files[-1].unlink()  # the directory can be made, its lock cannot

        with pytest.raises(ConfigError, match=r"No space left.*TMPDIR"), run_directory():
            pass

        assert list(small.glob("app-mono-*")) == []


def test_lines_for_a_log_file_on_a_full_file_system_go_to_standard_error(tmp_path: Path) -> None:
    with small_file_system(tmp_path / "small") as small:
        log = small / "logs" / "app-mono.log"
        log.parent.mkdir()
        with (
            RunningDaemon(tmp_path, f'log_file = "{log}"', log_file=log) as daemon,
            closing(Lease(str(daemon.socket))) as lease,
        ):
            script = compiled(daemon.scripts, "Fine", RETURNS.format(0))
            fill(small)

            told = [app_mono("reload", "--socket", str(daemon.socket)).returncode]
            shutil.rmtree(log.parent)  # now it can't even be made anew
            told.append(app_mono("reload", "--socket", str(daemon.socket)).returncode)
            code = run(lease, script)
            log.parent.mkdir()
            (small / "big").unlink()
            told.append(app_mono("reload", "--socket", str(daemon.socket)).returncode)

            assert (told, code) == ([0, 0, 0], 0)
            assert "settings read again" in daemon.stderr()
            assert daemon.log().count("settings read again") == 1


def test_after_the_clock_was_set_back_stamps_are_trusted_and_nothing_is_waited_for(tmp_path: Path) -> None:
    script = compiled(tmp_path / "scripts", "Fine", RETURNS.format(1))
    other = compiled(tmp_path / "scripts", "Other", RETURNS.format(2)).read_bytes()
    opened = []

    def stat(path: str | int) -> os.stat_result:
        opened.extend([path] if isinstance(path, int) else [])
        return os.stat(path)  # noqa: PTH116  # a path or a descriptor

    scripts = CurrentScripts(Settings(), tmp_path / "run", clock_ns=lambda: time.time_ns() - HOUR_NS, stat=stat)
    good = scripts.current(str(script))
    scripts.accept(good)
    opened.clear()

    assert scripts.current(str(script)) is good
    assert opened == []
    assert scripts.stamps(str(script)) is not None, "clients need not ask each time"
    script.write_bytes(other)
    assert scripts.current(str(script)) is not good
    script.write_bytes(other[:1000])
    begin = time.thread_time(), time.monotonic()
    for _ in range(20):
        scripts.current(str(script))
    assert time.monotonic() - begin[1] < 20 * PATIENCE_S, "no patience with a file that only looks young"


def test_file_times_of_the_future_hide_no_change(tmp_path: Path) -> None:
    script = compiled(tmp_path / "scripts", "Fine", RETURNS.format(1))
    builds = [compiled(tmp_path / "scripts", f"B{number}", RETURNS.format(number)).read_bytes() for number in (2, 3)]
    scripts = CurrentScripts(Settings(), tmp_path / "run")
    seen = []

    for number, times_ns in enumerate([HOUR_NS, -HOUR_NS, HOUR_NS, HOUR_NS]):
        script.write_bytes(builds[number % 2])
        os.utime(script, ns=(time.time_ns() + times_ns, time.time_ns() + times_ns))
        seen.append(scripts.copy_of(scripts.current(str(script)).file).read_bytes())

    assert seen == [builds[0], builds[1]] * 2
    assert Stamp.of(script.stat()).mtime_ns > time.time_ns()


def watch_falls_back(directory: Path, script: Path) -> None:
    """Runs where inotify refuses: a change is noticed by polling, after one warning."""
    told = threading.Event()
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("runner.watch").addHandler(handler)
    scripts = CurrentScripts(Settings(), directory, lambda _path: told.set())
    first = scripts.current(str(script))
    until(lambda: any("polling from now on" in line for line in lines), "it says that it polls")
    until(lambda: scripts._watch is not None and str(script.parent) in scripts._watch._watches, "it polls")
    script.write_bytes(script.read_bytes() + b"more")
    assert scripts.current(str(script)) is not first, "a change is live at once in any case"
    assert told.wait(WAIT_S)
    assert sum("inotify refuses" in line for line in lines) == 1


def place_for_nobody(tmp_path: Path) -> Path:
    opened(tmp_path)
    directory = tmp_path / "open"
    directory.mkdir()
    directory.chmod(0o777)
    return directory


def test_without_inotify_instances_changes_are_found_by_polling(tmp_path: Path) -> None:
    """The instances are used up by a user who has no others, and given back by the end of the process."""
    import watchdog.observers.polling  # noqa: F401, PLC0415  # read before the child gives up its rights

    if os.geteuid() != 0:
        pytest.skip("using up the inotify instances of this user would hurt its programs: run the tests as root")
    directory = place_for_nobody(tmp_path)
    script = compiled(directory / "scripts", "Fine", RETURNS.format(1))
    os.chown(script, NOBODY, NOBODY)

    def body() -> None:
        limit = int(Path("/proc/sys/fs/inotify/max_user_instances").read_text("ascii"))
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        libc = ctypes.CDLL(None, use_errno=True)
        taken = [libc.inotify_init1(0) for _ in range(limit + 1)]
        assert taken[-1] == -1
        watch_falls_back(directory / "run", script)

    assert in_a_child(body) == 0


def test_without_inotify_watches_changes_are_found_by_polling(tmp_path: Path) -> None:
    """In a user namespace, whose limit is its own: nobody else's is touched."""
    import watchdog.observers.polling  # noqa: F401, PLC0415

    script = compiled(tmp_path / "scripts", "Fine", RETURNS.format(1))
    libc = ctypes.CDLL(None, use_errno=True)
    if in_a_child(lambda: _limit_watches(libc)) != 0:
        pytest.skip("a limit of watches of its own needs user namespaces: sysctl kernel.unprivileged_userns_clone=1")

    def body() -> None:
        _limit_watches(libc)
        watch_falls_back(tmp_path / "run", script)

    assert in_a_child(body) == 0


def _limit_watches(libc: ctypes.CDLL) -> None:
    uid = os.getuid()
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
    Path("/proc/sys/user/max_inotify_watches").write_text("0", encoding="ascii")
