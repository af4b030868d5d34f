"""runner.scripts.current: files that are broken or half written, and builds that are rejected."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from runner.errors import ScriptInvalid
from runner.scripts.builds import PATIENCE_S
from tests.scripts.builds import Builds, Make, Meanwhile, content, later


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


def test_a_file_that_is_cut_but_has_its_old_times_is_being_written(make: Make, script: Path, builds: Builds) -> None:
    """As ext4 has it for a moment. Bug: an older build served, when one had come between that nobody asked for."""
    stat = Meanwhile()
    scripts = make(stat=stat, clock_ns=later)
    scripts.accept(scripts.current(str(script)))
    script.write_bytes(b"")
    stat.plan(at=4, of=str, work=lambda: script.write_bytes(builds["b"]))

    assert content(scripts, scripts.current(str(script))) == builds["b"]

    script.write_bytes(b"")
    assert content(scripts, scripts.current(str(script))) == builds["b"]
    begun = time.monotonic()
    for _ in range(10):
        scripts.current(str(script))
    assert time.monotonic() - begun < 10 * PATIENCE_S, "it was waited for once"


def test_a_write_that_follows_the_one_that_was_waited_for_is_waited_for_as_well(
    make: Make, script: Path, builds: Builds
) -> None:
    """Bug: on a busy machine two looks met one half each, long after each other, and an older build served."""
    stat = Meanwhile()
    scripts = make(stat=stat)
    scripts.accept(scripts.current(str(script)))

    def another() -> None:
        time.sleep(PATIENCE_S)
        script.write_bytes(builds["b"][:800])
        stat.plan(at=2, of=str, work=lambda: script.write_bytes(builds["b"]))

    script.write_bytes(builds["b"][:700])
    stat.plan(at=2, of=str, work=another)

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
