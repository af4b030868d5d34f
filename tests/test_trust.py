"""Where a name really leads, and whose files may decide what runs."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner import trust
from runner.trust import MOST_DIRECTORIES, MOST_LINKS, Place, Untrusted, is_below

if TYPE_CHECKING:
    from collections.abc import Callable

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to another user takes root: run as root")
SOMEBODY = 61234  # a number that no system gives to anybody


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "scripts" / "x.exe"
    file.parent.mkdir()
    file.write_bytes(b"content")
    return file


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def refusal(path: Path) -> str:
    with Place(str(path)) as place, pytest.raises(Untrusted) as refused:
        place.require_trust()
    return str(refused.value)


@pytest.mark.parametrize(
    "spelled", ["{0}", "{1}/./x.exe", "{1}//x.exe", "{1}/sub/../x.exe", "{2}/link/x.exe", "{2}/far/x.exe", "{2}/x"]
)
def test_every_name_of_a_file_leads_to_the_same_path(file: Path, tmp_path: Path, spelled: str) -> None:
    (file.parent / "sub").mkdir()
    (tmp_path / "link").symlink_to("scripts")
    (tmp_path / "far").symlink_to(f"{tmp_path}/sub/../link/.")
    (tmp_path / "sub").mkdir()
    (tmp_path / "x").symlink_to(file)

    with Place(spelled.format(file, file.parent, tmp_path)) as place:
        assert place.path == os.path.realpath(file)


def test_a_relative_name_begins_in_the_working_directory(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)

    with Place("../scripts/x.exe") as place:
        assert place.path == os.path.realpath(file)


def test_links_on_the_way_are_listed_without_links_above_them(file: Path, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("scripts")
    (file.parent / "y.exe").symlink_to("x.exe")

    with Place(str(tmp_path / "a" / "y.exe")) as place:
        assert place.links == [str(tmp_path / "a"), str(file.parent / "y.exe")]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda _: None, FileNotFoundError),
        (lambda path: path.symlink_to("nowhere"), FileNotFoundError),
        (lambda path: path.symlink_to(path), OSError),
        (lambda path: path.symlink_to("x.exe/below"), NotADirectoryError),
    ],
    ids=["nothing", "a link to nothing", "a link to itself", "a file on the way"],
)
def test_a_name_that_leads_nowhere_raises_the_error_of_the_kernel(
    file: Path, make: Callable[[Path], None], error: type[OSError]
) -> None:
    before = descriptors()
    make(file.parent / "y.exe")

    with pytest.raises(error):
        Place(str(file.parent / "y.exe"))

    assert descriptors() == before


def test_a_chain_of_links_has_an_end(file: Path) -> None:
    last = file
    for number in range(MOST_LINKS + 1):
        link = file.parent / f"link{number}"
        link.symlink_to(last)
        last = link

    with pytest.raises(OSError, match="symbolic links"):
        Place(str(last))


def test_a_way_of_many_directories_costs_no_more_descriptors_than_it_may(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * (MOST_DIRECTORIES + 1))
    deep.mkdir(parents=True)

    with pytest.raises(OSError, match="directories deep"):
        Place(str(deep))


@pytest.mark.parametrize("path", ["/proc/self/exe", "/proc/self/root/etc/passwd", "/proc/self/cwd"])
def test_no_name_leads_through_what_a_process_holds_open(path: str) -> None:
    with pytest.raises(Untrusted, match="/proc"):
        Place(path)


def test_a_link_to_proc_is_followed_no_more_than_the_name_itself(file: Path) -> None:
    holder = os.open(file.parent, os.O_RDONLY)
    (file.parent / "link").symlink_to(f"/proc/self/fd/{holder}")

    with pytest.raises(Untrusted, match="/proc"):
        Place(str(file.parent / "link" / "x.exe"))
    os.close(holder)


def test_what_is_opened_is_the_file_that_was_found(file: Path) -> None:
    with Place(str(file)) as place:
        other = file.with_suffix(".new")
        other.write_bytes(b"another")
        other.rename(file)

        with pytest.raises(FileNotFoundError):
            place.open(os.O_RDONLY)


def test_a_directory_that_is_exchanged_does_not_lead_elsewhere(file: Path, tmp_path: Path) -> None:
    """A flipped link won the race between the check and the read after a few tries."""
    with Place(str(file)) as place:
        file.parent.rename(tmp_path / "before")
        file.parent.mkdir()
        file.write_bytes(b"another")

        descriptor = place.open(os.O_RDONLY)
    assert os.read(descriptor, 10) == b"content"
    os.close(descriptor)


def test_what_belongs_to_root_and_nobody_else_may_change_is_trusted(file: Path) -> None:
    with Place(str(file)) as place:
        place.require_trust()  # below /tmp, which is sticky


@pytest.mark.parametrize("mode", [pytest.param(0o664, marks=as_root), 0o646, 0o666])  # a user's own group may
def test_a_file_that_others_may_write_to_is_refused_with_the_remedy(file: Path, mode: int) -> None:
    file.chmod(mode)

    told = refusal(file)

    assert f"has mode {mode:04o}" in told
    assert told.endswith(f"chmod go-w {file}")


@pytest.mark.parametrize("above", [1, 2])
@pytest.mark.parametrize("mode", [pytest.param(0o775, marks=as_root), 0o777])
def test_a_directory_above_that_others_may_write_to_is_refused(file: Path, above: int, mode: int) -> None:
    directory = file.parents[above - 1]
    directory.chmod(mode)

    assert refusal(file).endswith(f"chmod go-w {directory}")


@as_root  # it has to belong to root
def test_a_sticky_directory_may_stand_above_but_not_hold_the_file(file: Path) -> None:
    below = file.parent / "own" / "x.exe"
    below.parent.mkdir()
    below.write_bytes(b"content")
    file.parent.chmod(0o1777)

    with Place(str(below)) as place:
        place.require_trust()
    assert "use a directory that nobody else may write to" in refusal(file)


@as_root
@pytest.mark.parametrize("which", ["the file", "its directory", "a directory above"])
def test_what_belongs_to_somebody_else_is_refused(file: Path, which: str) -> None:
    given = {"the file": file, "its directory": file.parent, "a directory above": file.parents[1]}[which]
    os.chown(given, SOMEBODY, -1)

    told = refusal(file)

    assert told.startswith(f"{given} belongs to uid {SOMEBODY} and has mode")
    assert "must belong to root" in told
    assert told.endswith(f"chown root {given}")


@as_root
def test_a_sticky_directory_of_somebody_else_is_not_trusted(file: Path) -> None:
    below = file.parent / "own" / "x.exe"
    below.parent.mkdir()
    below.write_bytes(b"content")
    file.parent.chmod(0o1777)
    os.chown(file.parent, SOMEBODY, -1)

    assert f"{file.parent} belongs to uid {SOMEBODY}" in refusal(below)


@pytest.mark.parametrize(
    ("path", "directories", "expected"),
    [
        ("/a/b/x.exe", ["/a"], True),
        ("/a/b/x.exe", ["/a/b"], True),
        ("/ab/x.exe", ["/a"], False),
        ("/a/x.exe", [], False),
        ("/a", ["/a/b"], False),
    ],
)
def test_below_a_directory_is_not_beside_it(path: str, directories: list[str], *, expected: bool) -> None:
    assert is_below(path, directories) is expected


def test_tmp_is_what_the_rule_takes_it_for() -> None:
    """The tests above rest on it."""
    mode = os.stat("/tmp").st_mode  # noqa: PTH116, S108
    assert mode & stat.S_ISVTX
    assert mode & stat.S_IWOTH
    assert trust.PROC == "/proc"
