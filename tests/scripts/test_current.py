"""runner.scripts.current: which generation of a script is current."""

from __future__ import annotations

import gc
import logging
import os
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ScriptInvalid, ScriptNotFound
from runner.scripts.current import MOST_NAMES, CurrentScripts
from runner.scripts.files import MAX_FILE_BYTES
from runner.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.scripts.generation import Generation

SOON_S = 10.0
SECOND_NS = 1_000_000_000


@dataclass
class Builds:
    """Real assemblies made by mcs, by name; ``a`` and ``b`` are two builds of the same size."""

    directory: Path

    def __getitem__(self, name: str) -> bytes:
        return (self.directory / name).read_bytes()


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Builds:
    directory = tmp_path_factory.mktemp("builds")
    for name, kind in (("a", "exe"), ("b", "exe"), ("h", "library"), ("i", "library")):
        source = directory / f"{name}.cs"
        source.write_text(f'class X {{ public static string S = "{name}"; static int Main() {{ return 0; }} }}')
        subprocess.run(
            ["mcs", f"-t:{kind}", f"-out:{directory / name}", str(source)],  # noqa: S607  # from PATH, as users do
            check=True,
            timeout=60,
        )
    return Builds(directory)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def script(tmp_path: Path, builds: Builds) -> Path:
    path = tmp_path / "scripts" / "x.exe"
    path.parent.mkdir()
    path.write_bytes(builds["a"])
    return path


Make = Any  # Callable[..., CurrentScripts]; the fixture's type


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., CurrentScripts]]:
    made: list[CurrentScripts] = []

    def make(changed: Callable[[str], None] | None = None, **arguments: Any) -> CurrentScripts:
        names = ("stat", "clock_ns")
        others = {name: arguments.pop(name) for name in names if name in arguments}
        scripts = CurrentScripts(Settings(**arguments), tmp_path / "run", changed, clock=clock, **others)
        made.append(scripts)
        return scripts

    yield make
    for scripts in made:
        scripts.close()


def content(scripts: CurrentScripts, generation: Generation) -> bytes:
    return scripts.copy_of(generation.assembly).read_bytes()


def later() -> int:
    """A clock by which no file is young any more."""
    return time.time_ns() + SECOND_NS


class Counting:
    """os.stat that remembers what was asked and rounds file times down to whole ticks."""

    def __init__(self, tick_ns: int = 1) -> None:
        self.asked: list[str | int] = []
        self.tick_ns = tick_ns
        self.times_ns: int | None = None

    def __call__(self, path: str | int) -> Any:
        self.asked.append(path)
        real = os.stat(path)  # noqa: PTH116  # a path or a descriptor
        return Coarse(real, self.times_ns)


class Meanwhile:
    """os.stat that lets something happen right after one look: ``at`` counts those that are ``of`` the same kind."""

    def __init__(self) -> None:
        self._left = 0
        self._of: type = str
        self._work: Callable[[], object] = lambda: None

    def plan(self, at: int, of: type, work: Callable[[], object]) -> None:
        """Call ``work`` after that many looks at a path (``str``) or at what is open (``int``) from now on."""
        self._left, self._of, self._work = at, of, work

    def __call__(self, path: str | int) -> os.stat_result:
        found = os.stat(path)  # noqa: PTH116  # a path or a descriptor
        if isinstance(path, self._of) and (isinstance(path, int) or path.endswith(".exe")):
            self._left -= 1
            if self._left == 0:
                self._work()
        return found


class Coarse:
    """A stat result whose times stand still."""

    def __init__(self, real: os.stat_result, times_ns: int | None) -> None:
        self._real = real
        self.st_ctime_ns = real.st_ctime_ns if times_ns is None else times_ns
        self.st_mtime_ns = real.st_mtime_ns if times_ns is None else times_ns

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def test_a_generation_is_a_copy_that_a_writer_cannot_tear(make: Make, script: Path, builds: Builds) -> None:
    scripts = make()
    generation = scripts.current(str(script))

    script.write_bytes(b"torn")

    assert content(scripts, generation) == builds["a"]


def test_an_unchanged_script_costs_two_stats_and_nothing_else(make: Make, script: Path) -> None:
    stat = Counting()
    scripts = make(stat=stat, clock_ns=later)
    first = scripts.current(str(script))
    assert scripts.current(str(script)) is first
    stat.asked.clear()

    assert scripts.current(str(script)) is first

    assert [str(name) for name in stat.asked] == [str(script), str(script.parent)]


def test_a_rewritten_script_is_current_at_the_very_next_call(make: Make, script: Path, builds: Builds) -> None:
    scripts = make()
    ids = set()

    for number in range(50):
        data = builds["ab"[number % 2]]
        script.write_bytes(data)
        generation = scripts.current(str(script))
        assert content(scripts, generation) == data
        ids.add(generation.id)

    assert len(ids) == 2


def test_a_young_stamp_is_not_trusted_so_a_coarse_clock_hides_no_change(
    make: Make, script: Path, builds: Builds
) -> None:
    """Two writes in one tick of the clock: same size, same inode, same times."""
    assert len(builds["a"]) == len(builds["b"])
    stat = Counting()
    stat.times_ns = 1000 * SECOND_NS
    now = [1000 * SECOND_NS + 3_000_000]
    scripts = make(stat=stat, clock_ns=lambda: now[0])
    scripts.current(str(script))
    script.write_bytes(builds["b"])

    assert content(scripts, scripts.current(str(script))) == builds["b"]

    now[0] += SECOND_NS
    scripts.current(str(script))
    stat.asked.clear()
    scripts.current(str(script))
    assert not [asked for asked in stat.asked if isinstance(asked, int)], "an old stamp is trusted: nothing is opened"


def test_the_same_content_again_is_the_same_generation(make: Make, script: Path, builds: Builds) -> None:
    scripts = make()
    first = scripts.current(str(script))

    script.unlink()
    script.write_bytes(builds["a"])

    assert scripts.current(str(script)) is first


def test_config_and_symbols_that_appear_make_a_new_generation(make: Make, script: Path) -> None:
    scripts = make(clock_ns=later)
    bare = scripts.current(str(script))
    Path(f"{script}.config").write_text("<configuration/>")
    configured = scripts.current(str(script))
    script.with_suffix(".pdb").write_bytes(b"symbols")

    full = scripts.current(str(script))

    assert len({bare.id, configured.id, full.id}) == 3
    params = full.load_params()
    assert params["config"] == sha256(b"<configuration/>").hexdigest()
    assert params["symbols"] == sha256(b"symbols").hexdigest()
    assert bare.load_params() == {
        "path": str(script),
        "generation": bare.id,
        "assembly": bare.assembly.hash,
        "symbols": None,
        "config": None,
        "helpers": {},
    }


def test_helpers_are_looked_for_as_dll_then_exe_and_remembered(make: Make, script: Path, builds: Builds) -> None:
    scripts = make(clock_ns=later)
    here = script.parent
    (here / "H.dll").write_bytes(builds["h"])
    (here / "H.exe").write_bytes(builds["a"])
    (here / "I.exe").write_bytes(builds["i"])
    (here / "SR.dll").write_bytes(builds["i"])

    generation = scripts.extend(scripts.current(str(script)), ("H", "I", "Gone", "SR", "../x"))

    helpers = generation.helpers
    assert helpers["H"] is not None
    assert helpers["H"].path == str(here / "H.dll")
    assert helpers["I"] is not None
    assert helpers["I"].path == str(here / "I.exe")
    assert (helpers["Gone"], helpers["SR"], helpers["../x"]) == (None, None, None)
    assert generation.load_params()["helpers"]["H"]["path"] == str(here / "H.dll")
    assert scripts.current(str(script)) is generation


def test_a_changed_or_new_helper_makes_a_new_generation(make: Make, script: Path, builds: Builds) -> None:
    scripts = make()
    first = scripts.extend(scripts.current(str(script)), ("H",))
    (script.parent / "H.dll").write_bytes(builds["h"])
    second = scripts.current(str(script))
    (script.parent / "H.dll").write_bytes(builds["i"])

    third = scripts.current(str(script))

    assert len({first.id, second.id, third.id}) == 3
    assert first.assembly.hash == third.assembly.hash


@pytest.mark.parametrize(
    ("make_bad", "message"),
    [
        (lambda data: data[: len(data) // 2], r"is not complete: section \.\w+ ends at byte \d+, the file has \d+"),
        (lambda _: b"", "is not complete: its headers end after 0 bytes"),
        (lambda data: data[:100], "is not complete"),
        (lambda _: b"#!/bin/sh\n", "is not a .NET assembly: expected b'MZ' at its start, got b'#!/bin/s'"),
        (lambda data: data.replace(b"PE\0\0", b"XX\0\0"), "is not a .NET assembly"),
    ],
)
def test_a_broken_file_is_refused_by_name_when_nothing_else_can_serve(
    make: Make, script: Path, builds: Builds, make_bad: Callable[[bytes], bytes], message: str
) -> None:
    script.write_bytes(make_bad(builds["a"]))

    with pytest.raises(ScriptInvalid, match=message) as caught:
        make().current(str(script))

    assert str(script) in str(caught.value)


def test_no_cut_of_an_assembly_passes_for_a_whole_one(builds: Builds) -> None:
    from runner.scripts.files import check_assembly  # noqa: PLC0415  # the one test of it

    data = builds["a"]
    check_assembly("x", data)

    for length in range(0, len(data), 7):
        with pytest.raises(ScriptInvalid):
            check_assembly("x", data[:length])


def test_a_broken_file_leaves_the_last_good_generation_serving_and_says_so_once(
    make: Make, script: Path, builds: Builds, caplog: pytest.LogCaptureFixture
) -> None:
    scripts = make()
    good = scripts.current(str(script))
    scripts.accept(good)
    script.write_bytes(builds["b"][:700])

    served = [scripts.current(str(script)) for _ in range(3)]

    assert served == [good] * 3
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    assert "is not complete" in caplog.text
    script.write_bytes(builds["b"])
    assert content(scripts, scripts.current(str(script))) == builds["b"]


def test_a_config_that_is_half_written_leaves_the_last_good_generation_serving(make: Make, script: Path) -> None:
    config = Path(f"{script}.config")
    config.write_text("<configuration></configuration>")
    scripts = make()
    good = scripts.current(str(script))
    scripts.accept(good)

    config.write_text("<configuration>")

    assert scripts.current(str(script)) is good


def test_a_rejected_generation_is_not_given_out_until_its_content_changes(
    make: Make, script: Path, builds: Builds, caplog: pytest.LogCaptureFixture
) -> None:
    scripts = make()
    good = scripts.current(str(script))
    scripts.accept(good)
    script.write_bytes(builds["b"])
    bad = scripts.current(str(script))

    assert scripts.reject(bad, ScriptInvalid("no Main")) is good
    assert scripts.current(str(script)) is good
    assert scripts.current(str(script)) is good

    assert caplog.text.count("no Main") == 1
    Path(f"{script}.config").write_text("<configuration/>")
    assert scripts.current(str(script)).id not in {good.id, bad.id}


def test_a_rejection_is_raised_again_when_there_is_no_good_generation(make: Make, script: Path) -> None:
    scripts = make()
    generation = scripts.current(str(script))

    for _ in range(2):
        with pytest.raises(ScriptInvalid, match="no Main"):
            scripts.reject(generation, ScriptInvalid("no Main"))
        with pytest.raises(ScriptInvalid, match="no Main"):
            scripts.current(str(script))


def test_a_build_that_is_whole_as_soon_as_its_half_was_read_is_served(make: Make, script: Path, builds: Builds) -> None:
    """Bug: the thread that had read waited for a CPU, and then called the half too old to be still in the making."""
    stat = Meanwhile()
    scripts = make(stat=stat, clock_ns=later)
    scripts.accept(scripts.current(str(script)))
    script.write_bytes(builds["b"][:700])
    stat.plan(at=2, of=int, work=lambda: script.write_bytes(builds["b"]))

    assert content(scripts, scripts.current(str(script))) == builds["b"]


def test_an_older_look_that_ends_late_does_not_take_the_place_of_a_newer_one(
    make: Make, script: Path, builds: Builds
) -> None:
    """Bug: the build before the newest one was served while the next one was half written."""
    stat = Meanwhile()
    scripts = make(stat=stat)

    def newer() -> None:
        script.write_bytes(builds["b"])
        scripts.current(str(script))

    stat.plan(at=3, of=str, work=newer)  # when the first look sees that the file stood still while it was read
    assert content(scripts, scripts.current(str(script))) == builds["a"]
    script.write_bytes(builds["a"][:700])

    assert content(scripts, scripts.current(str(script))) == builds["b"]


def test_a_deleted_script_serves_for_its_grace_and_no_longer(make: Make, script: Path, clock: Clock) -> None:
    scripts = make()
    good = scripts.current(str(script))
    scripts.accept(good)
    script.unlink()

    assert scripts.current(str(script)) is good
    clock.now += 4.9
    assert scripts.current(str(script)) is good
    clock.now += 0.2
    with pytest.raises(ScriptNotFound, match="no such file"):
        scripts.current(str(script))


def test_a_helper_that_is_deleted_and_written_again_is_never_seen_missing(
    make: Make, script: Path, builds: Builds, clock: Clock
) -> None:
    helper = script.parent / "H.dll"
    helper.write_bytes(builds["h"])
    scripts = make()
    good = scripts.extend(scripts.current(str(script)), ("H",))
    scripts.accept(good)

    helper.unlink()
    assert scripts.current(str(script)) is good
    helper.write_bytes(builds["i"])
    assert scripts.current(str(script)).id != good.id
    helper.unlink()
    scripts.current(str(script))
    clock.now += 6

    assert scripts.current(str(script)).helpers == {"H": None}


def test_a_script_that_never_was_is_not_found(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ScriptNotFound, match=r"none\.exe: there is no such file"):
        make().current(str(tmp_path / "none.exe"))


def test_anything_but_a_regular_file_is_refused_unopened(make: Make, tmp_path: Path) -> None:
    fifo, link, plug = tmp_path / "fifo", tmp_path / "loop", tmp_path / "plug"
    os.mkfifo(fifo)
    link.symlink_to(link)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(plug))
        for path, message in (
            (tmp_path, "got a directory"),
            (fifo, "got a FIFO"),
            (plug, "got a socket"),
            (Path("/dev/null"), "got a device"),
            (link, "symbolic links"),
            (Path("x\0y"), "null "),
        ):
            with pytest.raises(ScriptInvalid, match=message):
                make().current(str(path))


def test_a_script_over_the_size_limit_is_refused_unread(make: Make, script: Path) -> None:
    os.truncate(script, MAX_FILE_BYTES + 1)

    with pytest.raises(ScriptInvalid, match="more than the"):
        make().current(str(script))


def test_a_swapped_symlink_is_seen_at_the_next_call(make: Make, tmp_path: Path, builds: Builds) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.exe").write_bytes(builds[name])
    link = tmp_path / "current"
    link.symlink_to("a")
    scripts = make(clock_ns=later)
    path = str(link / "x.exe")
    first = scripts.current(path)
    (tmp_path / "new").symlink_to("b")
    (tmp_path / "new").replace(link)

    second = scripts.current(path)

    assert (content(scripts, first), content(scripts, second)) == (builds["a"], builds["b"])
    assert second.path == second.assembly.path == str(tmp_path / "b" / "x.exe"), "a script is where it really is"


def test_a_pinned_script_never_changes_until_it_is_unpinned(make: Make, script: Path, builds: Builds) -> None:
    (script.parent / "H.dll").write_bytes(builds["h"])
    scripts = make()
    pinned = scripts.pin(str(script))
    pinned = scripts.extend(pinned, ("H",))
    script.unlink()
    gc.collect()

    assert scripts.current(str(script)) is pinned
    assert content(scripts, pinned) == builds["a"]
    script.write_bytes(builds["b"])
    scripts.unpin(str(script))
    assert content(scripts, scripts.current(str(script))) == builds["b"]


def test_a_pinned_script_is_not_forgotten_for_others(make: Make, script: Path, builds: Builds) -> None:
    scripts = make()
    pinned = scripts.pin(str(script))
    for number in range(2, MOST_NAMES + 10):
        scripts.current(f"{script.parent}{'/' * number}{script.name}")

    scripts.restrict(None)
    script.write_bytes(builds["b"])

    assert scripts.current(str(script)) is pinned
    assert scripts.stamps(str(script)).all == {}


def test_an_unpinned_script_that_is_gone_is_served_for_a_while(make: Make, script: Path) -> None:
    scripts = make()
    pinned = scripts.pin(str(script))
    script.unlink()

    scripts.unpin(str(script))

    assert scripts.current(str(script)) is pinned


def test_copies_that_nobody_uses_are_removed(make: Make, script: Path, builds: Builds, tmp_path: Path) -> None:
    scripts = make()
    for number in range(20):
        script.write_bytes(builds["ab"[number % 2]] + bytes([number]))
        scripts.accept(scripts.current(str(script)))
    gc.collect()
    last = scripts.current(str(script))
    scripts.accept(last)

    script.write_bytes(builds["a"])
    scripts.accept(scripts.current(str(script)))

    assert len(list((tmp_path / "run").iterdir())) <= 2
    assert scripts.copy_of(last.assembly).exists(), "still held here"


@pytest.mark.parametrize("in_place", [False, True])
def test_execs_under_rewrites_always_see_a_whole_and_new_generation(
    make: Make, script: Path, builds: Builds, *, in_place: bool
) -> None:
    """A file cut to nothing cannot be read any more, so one whose writer stalls in place may serve an older build."""
    scripts = make()
    scripts.accept(scripts.current(str(script)))
    versions = [builds["ab"[number % 2]] + b"%03d" % number for number in range(200)]
    order = {builds["a"]: -1} | {data: number for number, data in enumerate(versions)}
    done = [-1]
    errors: list[BaseException] = []

    def look() -> None:
        try:
            newest = -1
            while done[0] < len(versions) - 1:
                newest = newest if in_place else done[0]
                generation = scripts.current(str(script))
                assert order[content(scripts, generation)] >= newest
                newest = order[content(scripts, generation)]
                scripts.accept(generation)
        except BaseException as error:  # noqa: BLE001  # handed to the test
            errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number, data in enumerate(versions):
        draft = script if in_place else script.with_suffix(".new")
        draft.write_bytes(data)
        if not in_place:
            draft.replace(script)
        done[0] = number
    for thread in threads:
        thread.join(SOON_S)

    assert errors == []
    assert content(scripts, scripts.current(str(script))) == versions[-1]


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
