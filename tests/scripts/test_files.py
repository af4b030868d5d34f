"""runner.scripts.files: which files are taken, and what is said of the others."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptInvalid, ScriptNotFound
from runner.runtimes.checks import check_assembly
from runner.scripts.files import MAX_FILE_BYTES
from tests.scripts.builds import SECOND_NS, Builds, Counting, Make, content

if TYPE_CHECKING:
    from collections.abc import Callable


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
    data = builds["a"]
    check_assembly("x", data)

    for length in range(0, len(data), 7):
        with pytest.raises(ScriptInvalid):
            check_assembly("x", data[:length])


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
