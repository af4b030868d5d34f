"""All that scripts make in their working directories is removed, however deep, locked or moving, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from runner.worker import remove
from runner.worker.remove import NOT_DONE, remove_at
from tests.attack.users import as_root, new_user
from tests.programs import WAIT_S, until

DEPTH = 3000
# In memory where possible: ext4 takes up to a millisecond to make a directory.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
NOBODYS = 61234  # a uid that no system assigns


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    place = tmp_path / "worker-x"
    place.mkdir()
    return place


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory with contents that must not be removed."""
    place = tmp_path / "outside"
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "file").touch()
    return place


def nest(top: Path, depth: int, name: str) -> None:
    """Make nested directories, each with a file; by descriptors, because the path soon becomes too long."""
    descriptor = os.open(top, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=descriptor)
        inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)


def removed(tree: Path, limit_s: float = WAIT_S) -> str:
    return remove_at(tree, time.monotonic() + limit_s)


def on_a_path(path: Path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*"))


@pytest.mark.parametrize(("depth", "name"), [(DEPTH, "d"), (30_000, "d" * 200)])
def test_directories_are_removed_however_deep_they_are(depth: int, name: str) -> None:
    tree = Path(tempfile.mkdtemp(prefix="attack-", dir=MEMORY))
    nest(tree, depth, name)

    assert removed(tree) == ""
    assert not tree.exists()


def test_a_removal_takes_few_descriptors(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nest(tree, 300, "d")
    most = 0
    enter = remove.enter

    def counting(*arguments: int | str | None) -> int:
        nonlocal most
        most = max(most, len(os.listdir("/proc/self/fd")))  # noqa: PTH208  # a number of names
        return enter(*arguments)  # type: ignore[arg-type]

    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    monkeypatch.setattr(remove, "enter", counting)

    assert removed(tree) == ""
    assert most - before <= 8
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_many_directories_of_one_parent_are_removed(tree: Path) -> None:
    for number in range(remove.MOVED_UP + 100):
        (tree / "parent" / str(number) / "inner").mkdir(parents=True)

    assert removed(tree) == ""
    assert not tree.exists()


def test_names_that_are_not_remembered_are_found_again(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remove, "REMEMBERED", 3)
    for number in range(30):
        (tree / "parent" / str(number) / "inner" / "most").mkdir(parents=True)

    assert removed(tree) == ""
    assert not tree.exists()


def test_a_link_is_removed_and_its_target_is_kept(tree: Path, outside: Path) -> None:
    before = on_a_path(outside)
    (tree / "link").symlink_to(outside)
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "deep" / "er" / "link").symlink_to(outside / "sub")
    (tree / "hard").hardlink_to(outside / "sub" / "file")

    assert removed(tree) == ""
    assert not tree.exists()
    assert on_a_path(outside) == before


def test_a_link_in_place_of_the_directory_itself_is_removed_and_not_followed(tree: Path, outside: Path) -> None:
    before = on_a_path(outside)
    tree.rmdir()
    tree.symlink_to(outside)

    assert removed(tree) == ""
    assert not tree.is_symlink()
    assert on_a_path(outside) == before


def test_sockets_pipes_and_odd_names_are_removed(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    (tree / "line\nend").touch()
    (Path(os.fsdecode(os.fsencode(tree) + b"/\xff\xfe"))).mkdir()
    os.mknod(tree / "socket", 0o140600)

    assert removed(tree) == ""
    assert not tree.exists()


# Run as an ordinary user, who is bound by the modes of directories.
MODES = """
import os, sys, time
from pathlib import Path
from runner.worker.remove import remove_at
tree = Path("tree")
for mode in range(0o10):
    for depth in ("one", "one/two", "one/two/three"):
        (tree / str(mode) / depth).mkdir(parents=True)
        (tree / str(mode) / depth / "file").touch()
for mode in range(0o10):
    for depth in ("one/two/three", "one/two", "one", "."):
        (tree / str(mode) / depth).chmod(mode << 6)
tree.chmod(0)
print(repr(remove_at(tree, time.monotonic() + 20)), tree.exists())
"""


@as_root
def test_directories_of_every_mode_are_removed_for_their_owner() -> None:
    with new_user() as user:
        assert user.run(MODES) == "'' False\n"


@as_root
def test_a_failed_removal_is_logged_once_and_everything_else_is_removed(
    tree: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remove, "NOW_S", WAIT_S)  # else the background may have to do it
    kept = tree / "kept" / "immutable"
    kept.mkdir(parents=True)
    (tree / "other" / "inner").mkdir(parents=True)
    chattr = shutil.which("chattr", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if chattr is None or subprocess.run([chattr, "+i", kept], check=False, capture_output=True).returncode:
        pytest.skip(f"nothing can be made immutable below {tree}: set TMPDIR to a directory on ext4, xfs or btrfs")
    try:
        remove.remove(tree)

        (said,) = caplog.messages
        assert said.startswith(f"{tree}: cannot be removed: ")
        assert "Operation not permitted" in said
        assert len([path for path in tree.rglob("*") if path.name != "immutable"]) <= 1
    finally:
        for path in tree.rglob("*immutable*"):
            subprocess.run([chattr, "-i", path], check=True)
        for path in (entry for entry in tree.iterdir() if entry.is_dir()):
            subprocess.run([chattr, "-i", path], check=True)
    assert removed(tree) == ""


@as_root
def test_root_does_in_a_users_tree_only_what_that_user_could_do(tree: Path) -> None:
    """A directory that another user made inside the script's: only its owner can empty it."""
    foreign = tree / "inner" / "of-root"
    foreign.mkdir(parents=True)
    (foreign / "file").touch()
    (tree / "inner" / "empty-of-root").mkdir()
    for path in (tree, tree / "inner"):
        os.chown(path, NOBODYS, NOBODYS)

    why = removed(tree)

    assert why.endswith("belongs to another user, uid 0")
    assert [path.name for path in tree.rglob("file")] == ["file"]
    assert not list(tree.rglob("empty-of-root"))


def test_a_directory_that_is_moved_away_while_it_is_emptied_leads_nowhere_else(
    tree: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A remover that continued through ".." would then be in the directory that it was moved to."""
    (tree / "a" / "b" / "c").mkdir(parents=True)
    (tree / "a" / "b" / "file").touch()
    before = on_a_path(outside)
    flatten = remove._Removal._flatten
    moved: list[Path] = []

    def move_first(self: remove._Removal, top: int, directory: int) -> list[str]:
        name = Path(f"/proc/self/fd/{directory}").readlink()
        if not moved:
            moved.append(name.rename(outside / "sub" / "moved"))
        return flatten(self, top, directory)

    monkeypatch.setattr(remove._Removal, "_flatten", move_first)

    assert removed(tree) == ""
    assert not tree.exists()
    assert set(on_a_path(outside)) - {"sub/moved"} == set(before)


def test_a_directory_that_becomes_a_link_while_it_is_checked_is_not_followed(
    tree: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "a" / "b").mkdir(parents=True)
    before = on_a_path(outside)
    enter = remove.enter
    exchanged: list[Path] = []

    def exchange_first(parent: int, name: str, owner: int | None = None) -> int:
        if name == "a" and not exchanged:
            exchanged.append((tree / "a").rename(tree / "was-a"))
            (tree / "a").symlink_to(outside)
        return enter(parent, name, owner)

    monkeypatch.setattr(remove, "enter", exchange_first)

    assert removed(tree) == ""
    assert exchanged
    assert on_a_path(outside) == before


SWAPS = """
import os, sys
os.chdir(sys.argv[1])
print("on it", flush=True)
number = 0
while True:
    number += 1
    try:
        os.makedirs(f"{number}/inner/most", exist_ok=True)
        os.rename(f"{number}/inner", f"moved-{number}")
        os.symlink(sys.argv[2], f"{number}/inner")
    except OSError as error:
        if error.errno == 2 and not os.path.lexists("."):
            break
"""


@pytest.mark.parametrize("limit_s", [0.5])
def test_a_tree_that_is_filled_again_and_again_ends_the_removal_in_time(
    tree: Path, outside: Path, limit_s: float
) -> None:
    before = on_a_path(outside)
    with subprocess.Popen(["/usr/bin/python3", "-c", SWAPS, tree, outside], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        why = removed(tree, limit_s)
        took_s = time.monotonic() - began
        process.kill()

    assert why in {"", NOT_DONE}
    assert took_s < limit_s + WAIT_S / 2
    assert removed(tree) == ""
    assert on_a_path(outside) == before


def test_two_removers_of_one_tree_do_not_report_each_other_as_errors(tree: Path) -> None:
    """While the background was still removing a directory, the ending runner reported that it "was never empty"."""
    for number in range(50):
        nest(tree, 1, f"x{number}")
        nest(tree / f"x{number}", 10, "d")
    said: list[str] = []
    threads = [threading.Thread(target=lambda: said.append(removed(tree))) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)

    assert said == [""] * 4
    assert not tree.exists()


def test_a_long_removal_continues_in_the_background(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that ended a worker used to wait until all was removed: the pool's upkeep, or a caller."""
    monkeypatch.setattr(remove, "NOW_S", 0.0)
    (tree / "inner" / "most").mkdir(parents=True)
    ran_on = []
    step = remove.remove_at

    def noted(path: Path, deadline: float) -> str:
        ran_on.append(threading.current_thread().name)
        return step(path, deadline)

    monkeypatch.setattr(remove, "remove_at", noted)

    remove.remove(tree)

    until(lambda: not tree.exists(), "it is removed")
    assert ran_on == [threading.current_thread().name, "remover"]
    until(lambda: "remover" not in {thread.name for thread in threading.enumerate()}, "its thread has ended")


def test_the_number_of_directories_that_wait_for_the_background_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(remove, "WAITING", 2)
    later, goes_on, over = remove._Later(), threading.Event(), []

    def waits(_deadline: float) -> str:
        goes_on.wait(WAIT_S)
        return ""

    later.add(tmp_path / "0", waits, lambda: over.append(0))
    until(lambda: not later._waiting, "the first is at work")
    for number in range(1, 5):
        later.add(tmp_path / str(number), waits, lambda number=number: over.append(number))  # type: ignore[misc]

    assert over == [3, 4]
    assert len(caplog.messages) == 2
    goes_on.set()
    until(lambda: sorted(over) == [0, 1, 2, 3, 4], "all are over")
