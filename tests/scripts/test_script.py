"""runner.scripts.script: which build of one script serves, and which names are looked for beside it."""

from __future__ import annotations

import logging

import pytest

from runner.errors import ScriptInvalid, ScriptNotFound
from runner.scripts.generation import Generation, Part
from runner.scripts.script import MOST_HELPERS, MOST_NAME_CHARACTERS, Script, another, together

TORN = ScriptInvalid("/x.exe: is not complete", "detail")


def build(name: str) -> Generation:
    return Generation.of("/x.exe", Part("/x.exe", name), None, None, {})


def script(*, whole: Generation | None = None, good: Generation | None = None) -> Script:
    return Script("/x.exe", whole=whole, good=good)


def test_a_build_that_is_found_again_is_the_same_object() -> None:
    one = script()
    first = one.found(build("a"), 1)

    assert one.found(build("a"), 2) is first
    assert one.found(build("b"), 3) is not first
    one.accept(first)
    assert one.found(build("a"), 4) is first, "the good one is known as well"


def test_of_two_looks_the_later_one_says_what_is_there() -> None:
    one = script()
    newer = one.found(build("b"), 2)

    older = one.found(build("a"), 1)

    assert older.id == build("a").id, "its caller gets what it saw"
    assert one.whole is newer


def test_what_was_found_serves() -> None:
    new = build("b")

    assert script(good=build("a")).serve(new) is new


def test_in_the_place_of_an_error_the_last_whole_build_serves_loaded_or_not() -> None:
    whole, good = build("b"), build("a")

    assert script(whole=whole, good=good).serve(TORN) is whole
    with pytest.raises(ScriptInvalid, match="is not complete") as caught:
        script().serve(TORN)
    assert caught.value is not TORN
    assert caught.value.detail == "detail"


def test_a_rejected_build_does_not_serve_itself_nor_in_the_place_of_an_error() -> None:
    good = build("a")
    one = script(whole=build("b"), good=good)
    one.reject(build("b"), ScriptInvalid("no Main"))

    assert one.serve(build("b")) is good
    assert one.serve(TORN) is good
    assert one.serve(build("c")).id == build("c").id, "its next build is another one"


def test_a_rejected_build_is_an_error_where_nothing_was_ever_good() -> None:
    one = script(whole=build("a"))
    one.reject(build("a"), ScriptInvalid("no Main"))

    with pytest.raises(ScriptInvalid, match="no Main"):
        one.serve(build("a"))
    with pytest.raises(ScriptInvalid, match="is not complete"):
        one.serve(TORN)


def test_a_build_that_was_loaded_before_is_not_rejected_for_a_fault_that_may_pass() -> None:
    one = script(good=build("a"))
    error = ScriptInvalid("no memory")

    with pytest.raises(ScriptInvalid) as caught:
        one.reject(build("a"), error)

    assert caught.value is error
    assert one.serve(build("a")).id == build("a").id


def test_what_serves_instead_is_said_once_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    good = build("a")
    one = script(whole=good, good=good)
    for error in (TORN, TORN, ScriptInvalid("gone"), ScriptInvalid("gone"), TORN):
        one.serve(error)

    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 3
    assert [message.partition(";")[0] for message in caplog.messages] == [str(TORN), "gone", str(TORN)]
    assert caplog.messages[0] == f"{TORN}; generation {good.id[:8]} still serves /x.exe"


def test_a_new_good_build_is_news_once_and_its_next_fault_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    one, good = script(), build("a")

    assert [one.accept(good), one.accept(good)] == [True, False]
    one.serve(TORN)
    one.accept(build("b"))
    one.serve(TORN)
    assert len(caplog.records) == 2


def test_a_script_that_is_gone_for_good_has_no_builds() -> None:
    one = script(whole=build("a"), good=build("a"))

    one.lost()

    with pytest.raises(ScriptNotFound, match="no such file"):
        one.serve(ScriptNotFound("no such file"))


def test_a_script_in_the_place_of_another_begins_with_its_builds_and_helpers() -> None:
    before, after = script(whole=build("b"), good=build("a")), Script("/y.exe")
    before.add_helpers(["H"])

    after.in_place_of(before)

    assert (after.whole, after.good, after.names_beside("")) == (before.whole, before.good, ("H",))


def test_helpers_are_remembered_for_every_build_and_plugins_for_the_one_that_asked() -> None:
    one = script()
    one.add_helpers(["H", "I"])
    one.add_helpers(["I", "J"])
    one.add_plugins("aa", ["P"])
    one.add_plugins("aa", ["Q", "P"])

    assert one.names_beside("aa") == ("H", "I", "J", "P", "Q")
    assert one.names_beside("bb") == ("H", "I", "J")

    one.add_plugins("bb", ["R"])
    assert (one.names_beside("aa"), one.names_beside("bb")) == (("H", "I", "J"), ("H", "I", "J", "R"))


def test_too_many_names_are_refused_and_those_before_stay() -> None:
    one, names = script(), [f"N{number}" for number in range(MOST_HELPERS)]
    one.add_helpers(names)
    one.add_plugins("aa", names)

    with pytest.raises(ScriptInvalid, match=rf"/x\.exe: asks for {MOST_HELPERS + 1} files beside it"):
        one.add_helpers(["More"])
    with pytest.raises(ScriptInvalid, match=f"expected at most {MOST_HELPERS}"):
        one.add_plugins("aa", ["More"])
    assert len(one.names_beside("bb")) == MOST_HELPERS
    assert together(names, names, "/x.exe") == tuple(names), "each counts once"


def test_names_that_are_too_long_together_are_refused() -> None:
    """The answer to a lease, which has them all, would be longer than a line."""
    one, names = script(), [f"{number:04}" * 100 for number in range(MOST_NAME_CHARACTERS // 400)]
    one.add_helpers(names)

    with pytest.raises(ScriptInvalid, match=f"expected at most {MOST_NAME_CHARACTERS}"):
        one.add_helpers(["x" * 400])


def test_a_copy_of_an_error_is_of_its_kind() -> None:
    copied = another(ScriptNotFound("gone"))

    assert (type(copied), str(copied), copied.detail) == (ScriptNotFound, "gone", "")
