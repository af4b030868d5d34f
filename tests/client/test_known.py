"""client.known: what a client may do without asking, and how much it keeps in mind."""

from __future__ import annotations

import time

import pytest

from runner.client.known import LEARNED_GENERATIONS, MOST_SCRIPTS, Known, Refusals
from runner.control.kinds import MAX_REFUSED
from runner.errors import ScriptRefused
from runner.scripts.generation import Generation, Part
from runner.scripts.poison import LONGEST_CALL_ID
from runner.scripts.stamps import Stamps


def build(path: str, name: str = "aa") -> Generation:
    return Generation.of(path, Part(path, name), None, None, {})


def test_a_script_runs_without_asking_while_its_stamps_hold() -> None:
    known = Known()

    assert known.add("/x", build("/x"), Stamps({})).is_current()
    assert not known.add("/y", build("/y"), None).is_current()


def test_after_news_every_script_is_asked_for_again_or_those_of_one_generation() -> None:
    known, first, second = Known(), build("/x"), build("/y")
    scripts = [known.add("/x", first, Stamps({})), known.add("/y", second, Stamps({}))]

    known.ask_again(scripts[0].generation)
    assert [script.is_current() for script in scripts] == [False, True]
    known.ask_again()
    assert [script.is_current() for script in scripts] == [False, False]


def test_of_scripts_those_that_were_asked_for_last_are_known() -> None:
    known = Known()
    for number in range(MOST_SCRIPTS + 1):
        known.add(str(number), build("/x"), None)
        known.add("0", build("/x"), None)

    assert len(known.scripts) == MOST_SCRIPTS
    assert "0" in known.scripts
    assert "1" not in known.scripts


def test_what_was_learned_of_a_build_is_kept_when_it_comes_again_in_another_worker() -> None:
    known = Known()
    first = known.with_lessons(build("/x"))

    again = known.with_lessons(build("/x"))

    assert again.foresight is first.foresight
    for number in range(LEARNED_GENERATIONS):
        known.with_lessons(build("/other", str(number)))
    assert known.with_lessons(build("/x")).foresight is not first.foresight


def test_a_message_is_refused_for_as_long_as_the_daemon_said() -> None:
    refusals = Refusals()
    refusals.add([("/x", "a", 60.0), ("/x", "b", -1.0), ("/x", "n" * LONGEST_CALL_ID, 60.0)])

    for call_id in ("a", "n" * 10_000):
        with pytest.raises(ScriptRefused, match="are refused for"):
            refusals.check("/x", call_id)
    for path, other in (("/x", "b"), ("/y", "a"), ("/x", "c"), ("/x", None)):
        refusals.check(path, other)


def test_refusals_have_an_end_in_number_and_in_time() -> None:
    refusals = Refusals()
    for number in range(MAX_REFUSED + 10):
        refusals.add([("/x", str(number), 60.0)])
    assert len(refusals.until) == MAX_REFUSED
    assert ("/x", "9") not in refusals.until

    refusals.until = dict.fromkeys(refusals.until, time.monotonic() - 1)
    refusals.check("/x", "20")
    assert not refusals.until
