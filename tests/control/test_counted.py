"""control.counted: sums by script and build, of the ones that matter by name."""

from __future__ import annotations

from runner.control.counted import EARLIER, MOST_BUILDS, MOST_SCRIPTS, OTHERS, Counted, status
from runner.control.counters import COUNTS, OUTCOMES

ONE = [1] + [0] * (COUNTS - 1)


def test_builds_before_the_ones_that_ran_last_are_counted_together() -> None:
    counted = Counted()
    for number in range(MOST_BUILDS + 3):
        counted.add("/x.exe", f"b{number}", ONE)
    counted.add("/x.exe", "b9", ONE)

    (builds,) = counted.scripts().values()

    assert builds[EARLIER][0] == 3
    assert builds["b9"][0] == 2
    assert list(builds)[-1] == "b9"
    assert len(builds) == MOST_BUILDS + 1


def test_scripts_beyond_the_first_are_counted_together_without_their_builds() -> None:
    counted = Counted()
    for number in range(MOST_SCRIPTS + 5):
        counted.add(f"/{number}.exe", "b", ONE)

    scripts = counted.scripts()

    assert len(scripts) == MOST_SCRIPTS + 1
    assert scripts[OTHERS] == {"": [5, *ONE[1:]]}
    assert sum(counts[0] for counts in counted.all()) == MOST_SCRIPTS + 5


def test_a_copy_does_not_change_and_says_what_people_read() -> None:
    counted = Counted()
    counted.add("/x.exe", "b", ONE)
    before = counted.scripts()
    counted.row("/x.exe", "b")[OUTCOMES.index("timeout")] += 2

    (told,) = status(counted.scripts(), {"/x.exe": (3, 0.25, 1e9)})

    assert before["/x.exe"]["b"] == ONE
    assert (told.path, told.reloads, told.live_s, told.live_at) == ("/x.exe", 3, 0.25, 1e9)
    assert told.builds[0].outcomes == {"true": 1, "timeout": 2}
