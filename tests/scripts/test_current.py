"""runner.scripts.current: which generation of a script is current."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING

import pytest

from runner.scripts.current import MOST_NAMES
from runner.settings import Settings
from tests.scripts.builds import SOON_S, Builds, Counting, Make, content, later

if TYPE_CHECKING:
    from pathlib import Path


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


def test_the_same_content_again_is_the_same_generation(make: Make, script: Path, builds: Builds) -> None:
    scripts = make()
    first = scripts.current(str(script))

    script.unlink()
    script.write_bytes(builds["a"])

    assert scripts.current(str(script)) is first


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
    assert second.path == second.file.path == str(tmp_path / "b" / "x.exe"), "a script is where it really is"


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

    assert scripts.take_settings(Settings.model_validate({"scripts": {"/x.exe": {"files": ["a.txt"]}}}))
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
    assert scripts.copy_of(last.file).exists(), "still held here"


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
