"""runner.stamps: whether files are as they were, also those that were not there."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from runner.lane import _lane
from runner.scripts.stamps import YOUNG_NS, Stamps, stamp_of

if TYPE_CHECKING:
    from pathlib import Path


class Stat:
    """``os.stat`` that notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, path: str) -> os.stat_result:
        self.asked.append(path)
        return os.stat(path)  # noqa: PTH116  # texts, as the runner has them


def later() -> int:
    return time.time_ns() + 10 * YOUNG_NS


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "x.exe").write_text("x", encoding="ascii")
    return tmp_path


def seen(place: Path, *absent: str, stat: Stat | None = None, clock: object = later) -> Stamps:
    """The stamps of x.exe and of what is not there, as they were trusted after two looks."""
    paths = [str(place / name) for name in ("x.exe", *absent)]
    stamps = Stamps({path: stamp_of(path) for path in paths}, stat or os.stat, clock)  # type: ignore[arg-type]
    assert stamps.hold()
    assert stamps.hold()
    return stamps


def test_what_is_not_there_costs_one_look_at_its_directory(place: Path) -> None:
    stat = Stat()
    stamps = seen(place, "x.exe.config", "x.pdb", "x.exe.mdb", stat=stat)
    stat.asked.clear()

    assert stamps.hold()
    assert stat.asked == [str(place / "x.exe"), str(place)]


@pytest.mark.parametrize("name", ["x.exe", "x.exe.config", "x.pdb"])
def test_a_file_that_is_written_or_made_is_seen(place: Path, name: str) -> None:
    stamps = seen(place, "x.exe.config", "x.pdb")

    (place / name).write_text("y", encoding="ascii")

    assert not stamps.hold()


def test_a_file_that_is_moved_into_place_or_deleted_is_seen(place: Path) -> None:
    (place / "other").write_text("y", encoding="ascii")
    moved, deleted = seen(place, "x.exe.config"), seen(place, "x.exe.config")

    (place / "other").rename(place / "x.exe.config")
    assert not moved.hold()

    (place / "x.exe.config").unlink()
    (place / "x.exe").unlink()
    assert not deleted.hold()


def test_other_files_of_the_directory_change_nothing(place: Path) -> None:
    stamps = seen(place, "x.exe.config")

    for number in range(3):
        (place / f"other{number}").touch()
        assert stamps.hold()

    (place / "x.exe.config").touch()
    assert not stamps.hold()


def test_a_directory_that_changed_just_now_is_not_believed(place: Path) -> None:
    # Two changes within one tick of the kernel's clock leave one stamp, so each name is looked at.
    stat = Stat()
    stamps = seen(place, "x.exe.config", stat=stat, clock=time.time_ns)
    os.utime(place)
    now = stamp_of(str(place))
    assert now is not None
    stat.asked.clear()

    young = Stamps({str(place / "x.exe.config"): None}, stat, lambda: now.ctime_ns + YOUNG_NS)
    assert young.hold()
    assert young.hold()

    assert stat.asked.count(str(place / "x.exe.config")) == 2
    assert stamps.hold()


def test_a_symlink_to_nothing_is_looked_at_for_its_target_may_come_elsewhere(place: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (place / "x.exe.config").symlink_to(elsewhere / "config")
    stamps = seen(place, "x.exe.config")

    (elsewhere / "config").touch()

    assert not stamps.hold()


def test_a_symlink_that_leads_to_another_directory_is_seen(place: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        os.link(place / "x.exe", tmp_path / name / "x.exe")
    (tmp_path / "two" / "x.exe.config").touch()
    link = tmp_path / "current"
    link.symlink_to("one")
    stamps = seen(link, "x.exe.config")

    link.unlink()
    link.symlink_to("two")

    assert not stamps.hold()


def test_a_directory_that_is_not_there_yet_is_seen_when_it_comes(place: Path) -> None:
    stamps = seen(place, "sub/x.dll")

    (place / "sub").mkdir()
    assert stamps.hold()
    (place / "sub" / "x.dll").touch()

    assert not stamps.hold()


def test_a_thread_that_has_to_wait_after_its_look_takes_young_for_young(place: Path) -> None:
    os.utime(place)
    changed = stamp_of(str(place))
    assert changed is not None
    now_ns = changed.ctime_ns + YOUNG_NS // 2
    name = str(place / "x.exe.config")

    class Slow(Stat):
        def __call__(self, path: str) -> os.stat_result:
            nonlocal now_ns
            now_ns += 2 * YOUNG_NS
            return super().__call__(path)

    stat = Slow()
    stamps = Stamps({name: None}, stat, lambda: now_ns)

    assert stamps.hold()
    stat.asked.clear()
    assert stamps.hold()

    assert name in stat.asked


@pytest.mark.parametrize("lane", ["python", "c"])
def test_both_lanes_see_a_file_a_new_name_and_a_link_that_changed(
    place: Path, lane: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In C the files are looked at without the objects of Python that os.stat makes."""
    monkeypatch.setattr("runner.scripts.stamps.Looks", {"python": None, "c": _lane.Looks}[lane])
    (place / "to").symlink_to("x.exe")
    links = {str(place / "to"): stamp_of(str(place / "to"), os.lstat)}

    def fresh() -> Stamps:
        paths = [str(place / "x.exe"), str(place / "x.pdb")]
        stamps = Stamps({path: stamp_of(path) for path in paths}, clock_ns=later, links=links)
        assert stamps.hold()
        assert stamps.hold()
        assert (stamps._in_c is None) is (lane == "python")
        return stamps

    stamps = fresh()
    os.utime(place / "x.exe")
    assert not stamps.hold()
    stamps = fresh()
    (place / "x.pdb").touch()
    assert not stamps.hold()
    (place / "x.pdb").unlink()
    stamps = fresh()
    (place / "to").unlink()
    (place / "to").symlink_to("x.pdb")
    assert not stamps.hold()
    (place / "x.exe").unlink()
    assert not stamps.hold()


@pytest.mark.parametrize(
    "looks", [((b"a\0b", (0, 0, 0, 0, 0), False),), ((b"a", (0, 0, 0), False),), ((b"a", None, True),), (1,), [],
              ((b"a", (1 << 64, 0, 0, 0, 0), False),)]
)  # fmt: skip
def test_looks_in_c_take_no_odd_arguments(looks: Any) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError, SystemError)):
        _lane.Looks(looks)
