"""runner.scripts.current: which generation of a script is current."""

from __future__ import annotations

import gc
import threading
from hashlib import sha256
from pathlib import Path

import pytest

from runner.scripts.current import MOST_NAMES
from tests.scripts.builds import SECOND_NS, SOON_S, Builds, Counting, Make, content, later


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
