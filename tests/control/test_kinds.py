"""runner.control.kinds: what one member of a message may be, and what is said of any other value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from runner.control import kinds
from runner.control.kinds import (
    LONGEST_ID,
    MAX_COUNT,
    MAX_NAMES,
    MAX_REFUSED,
    MAX_TEXT,
    SHOWN,
    Malformed,
    each,
    maybe,
    member,
)
from runner.scripts.generation import Generation, Helper, Part
from runner.scripts.poison import LONGEST_CALL_ID
from runner.scripts.stamps import Stamp, Stamps
from runner.wire.events import LONGEST_ENTRY, MAX_ENTRIES
from runner.wire.session import State
from runner.wire.unfinished import Unfinished

if TYPE_CHECKING:
    from collections.abc import Callable

BUILD = Generation.of("/x.exe", Part("/x.exe", "aa"), None, None, {"H": Helper(Part("/H.dll", "cc")), "Gone": None})
NAN, INFINITE = float("nan"), float("inf")


def shown(value: Any) -> str:
    """A parameter in the name of a test: the same in every process, and short."""
    return value.__name__ if callable(value) else repr(value)[:40]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (kinds.count, 0), (kinds.count, MAX_COUNT), (kinds.number, 1 << 80), (kinds.pid, 1), (kinds.pid, (1 << 31) - 1),
        (kinds.seconds, 0), (kinds.seconds, 0.5), (kinds.seconds, MAX_COUNT), (kinds.real, -7), (kinds.real, 2.5),
        (kinds.reals, {"a": 1, "b": -0.5}), (kinds.flag, False), (kinds.text, ""), (kinds.text, "x" * MAX_TEXT),
        (kinds.words, "x" * 9 * MAX_TEXT), (kinds.identifier, "6f"), (kinds.identifier, "x" * LONGEST_ID),
        (kinds.table, {"H": "cc"}), (kinds.texts, {"x" * 9999: "y" * 9999}), (maybe(kinds.count), None),
        (maybe(kinds.count), 7),
    ],
    ids=shown,
)  # fmt: skip
def test_what_is_right_is_taken_as_it_is(kind: Callable[[object], object], value: object) -> None:
    assert kind(value) == value


WRONG: list[tuple[Callable[[object], object], list[Any]]] = [
    (kinds.count, [-1, MAX_COUNT + 1, True, 1.0, "1", None]),
    (kinds.number, [-1, False, 0.5, None]),
    (kinds.pid, [0, -1, 1 << 31, True, 7.0]),
    (kinds.seconds, [-0.1, NAN, INFINITE, MAX_COUNT + 1, True, "1"]),
    (kinds.real, [True, "1", None]),
    (kinds.reals, [[], {"a": True}, {"a": None}]),
    (kinds.flag, [0, 1, None, "true"]),
    (kinds.text, ["x" * (MAX_TEXT + 1), 7, None, b"x"]),
    (kinds.words, [7, None, ["x"]]),
    (kinds.identifier, ["", "x" * (LONGEST_ID + 1), 'a"b', "a b", "\u0661", 7]),
    (kinds.names, ["ab", [7], ["x"] * (MAX_NAMES + 1), {"a": "b"}]),
    (kinds.table, [[], {"a": 7}, {"x" * (MAX_TEXT + 1): "a"}, {7: "a"}]),
    (kinds.texts, [[], {"a": None}]),
    (
        kinds.entries,
        ["ab", [7], [""], ["a b"], ["\u00fc"], ["x" * (LONGEST_ENTRY + 1)], ["x"] * (MAX_ENTRIES + 1), {"a": "b"}],
    ),
    (each(kinds.count), [{}, "12", [1, -1]]),
]


@pytest.mark.parametrize(
    ("kind", "value"),
    [(kind, value) for kind, values in WRONG for value in values],
    ids=shown,
)
def test_anything_else_is_malformed(kind: Callable[[object], object], value: object) -> None:
    with pytest.raises(Malformed):
        kind(value)


def test_lists_become_tuples_that_nobody_changes() -> None:
    assert kinds.names(["a", ""]) == ("a", "")
    assert kinds.entries(["ksr_request_route", "X" * LONGEST_ENTRY]) == ("ksr_request_route", "X" * LONGEST_ENTRY)
    assert kinds.entries(["x"] * MAX_ENTRIES) == ("x",) * MAX_ENTRIES
    assert each(maybe(kinds.count))([1, None]) == (1, None)


def test_of_a_reason_and_a_call_id_only_the_beginning_counts() -> None:
    assert kinds.reason("x" * 9 * MAX_TEXT) == "x" * MAX_TEXT
    assert kinds.call_id("y" * 9 * LONGEST_CALL_ID) == "y" * LONGEST_CALL_ID


def test_a_reason_to_retire_is_one_that_is_known() -> None:
    assert kinds.retire_reason("threads") == "threads"
    assert kinds.retire_reason("of a later version") == ""


def test_a_member_that_is_missing_or_wrong_is_named_with_those_around_it() -> None:
    def inner(value: Any) -> int:
        return member(value, "execs", kinds.count)

    with pytest.raises(Malformed, match=r"^have\.execs: expected a whole number from 0 to \d+, got nothing$"):
        member({"have": {}}, "have", inner)
    with pytest.raises(Malformed, match=r"^have\.execs: expected a whole number .*, got 'x'$"):
        member({"have": {"execs": "x"}}, "have", inner)
    assert member({"have": {"execs": 3}}, "have", inner) == 3


def test_an_error_without_a_member_is_about_the_message() -> None:
    assert str(Malformed("a number", None)) == "message: expected a number, got None"


def test_of_a_wrong_value_only_so_much_is_shown() -> None:
    told = str(Malformed("a number", "\n" * 9999, "execs"))

    assert told.startswith(r"execs: expected a number, got '\n\n")
    assert len(told) <= len("execs: expected a number, got ") + SHOWN


@pytest.mark.parametrize(
    "wrong",
    [
        {}, [["/x", "a"]], [["/x", "a", 1, 2]], [[7, "a", 1]], [["/x", None, 1]], [["/x", "a", -1]],
        [["/x", "a", True]], [["/x", "a", NAN]], [["/x", "a", MAX_COUNT + 1]], [["/x", "a", 1.0]] * (MAX_REFUSED + 1),
    ],
    ids=shown,
)  # fmt: skip
def test_refused_messages_are_a_script_a_call_id_and_seconds(wrong: object) -> None:
    assert kinds.refused([["/x", "a", 2.5], ["/y", "", 0]]) == (("/x", "a", 2.5), ("/y", "", 0))
    with pytest.raises(Malformed):
        kinds.refused(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 'a"b'}, {"path": 7}, {"parts": []}, {"parts": [None, None, None]}, {"parts": [["/x"], None, None]},
        {"parts": [["/x", "../aa"], None, None]}, {"parts": [["/x", "aa"], ["/p", "a" * 65], None]}, {"helpers": []},
        {"helpers": {"H": []}}, {"helpers": {"H": [None, None]}}, {"helpers": {"H": [["/H.dll", "c/c"], None]}},
    ],
    ids=repr,
)  # fmt: skip
def test_a_build_is_read_as_it_was_written_and_names_no_other_file(wrong: dict[str, Any]) -> None:
    """The hash of a part is the name of its copy: with a slash in it, it could lead out of the directory of copies."""
    assert kinds.generation(BUILD.as_json()) == BUILD
    with pytest.raises(Malformed):
        kinds.generation(BUILD.as_json() | wrong)


def test_a_helper_is_an_assembly_with_or_without_symbols() -> None:
    for helper in (Helper(Part("/H.dll", "cc")), Helper(Part("/H.dll", "cc"), Part("/H.pdb", "dd"))):
        assert kinds.helper(helper.as_json()) == helper
    wrongs: list[Any] = [None, [], [["/H.dll", "cc"]], [None, ["/H.pdb", "dd"]], [["/H.dll", 7], None]]
    for wrong in wrongs:
        with pytest.raises(Malformed, match="expected a helper"):
            kinds.helper(wrong)


def test_stamps_are_numbers_by_file() -> None:
    stamps = Stamps({"/x.exe": Stamp(1, 2, 3, 4, 5), "/gone": None}, links={"/l": Stamp(5, 4, 3, 2, 1)})

    written = json.loads(json.dumps(stamps.as_json()))

    assert json.loads(json.dumps(kinds.stamps(written).as_json())) == written
    assert kinds.stamps(written).links == stamps.links
    wrongs: list[Any] = [{}, [], *({"files": {"/x": stamp}, "links": {}} for stamp in ([1, 2], [1, 2, 3, 4, True]))]
    for wrong in wrongs:
        with pytest.raises(Malformed, match="expected stamps"):
            kinds.stamps(wrong)


def test_where_a_conversation_stands_is_read_or_malformed() -> None:
    unfinished = Unfinished(State.ASKED, 3, 1, "{", "")

    assert kinds.unfinished(unfinished.as_json()) == unfinished
    with pytest.raises(Malformed, match="expected an unfinished exec or load"):
        kinds.unfinished(unfinished.as_json() | {"state": "closed"})
