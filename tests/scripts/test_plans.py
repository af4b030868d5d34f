"""runner.foresight: what a plan has room for, and which edits are certain; no worker runs."""

from __future__ import annotations

from typing import Any

from runner.hosts.embedded.host import MessageHost
from runner.scripts.foresight import ABSENT, EMPTY, LONGEST_VALUE, MAX_EDITS, MAX_READS, UNUSED_EXECS, Foresight, Plan
from runner.wire import messages
from tests.places import INVITE

# What is learned, without a worker.

HOST = MessageHost(INVITE)


def learned(*asked: tuple[str, tuple[Any, ...]]) -> Foresight:
    """What two execs taught that asked the same: an edit is learned when it comes again."""
    foresight = Foresight()
    for _ in range(2):
        foresight.learn(HOST, EMPTY, 0, asked)
    return foresight


def test_edits_of_names_made_anew_each_time_take_no_place() -> None:
    foresight = learned(("PV.SetS", ("$rU", "1")))

    for number in range(9 * MAX_EDITS):
        foresight.learn(HOST, foresight.plan, 0, [("PV.SetS", (f"$var(x{number})", "1"))])

    assert foresight.plan.edits == (("PV.SetS", "$rU"),)


def test_a_value_that_nobody_uses_is_sent_no_more() -> None:
    foresight = learned(("PV.GetS", ("$ru",)), ("PV.GetS", ("$ci",)))

    for _ in range(UNUSED_EXECS + 1):
        foresight.learn(HOST, foresight.plan, 1, [])

    assert foresight.plan.reads == (("PV.GetS", "$ru"),)


def test_a_plan_is_bounded() -> None:
    reads = [("PV.GetS", (f"$var(x{number})",)) for number in range(MAX_READS + 9)]
    edits = [("PV.SetI", (f"$var(x{number})", 1)) for number in range(MAX_EDITS + 9)]

    plan = learned(*reads, *edits, ("PV.GetS", (f"$var({'x' * 99})",))).plan

    assert (len(plan.reads), len(plan.edits)) == (MAX_READS, MAX_EDITS)


def test_each_entry_has_lessons_of_its_own_and_only_those_that_exist_are_kept() -> None:
    foresight = Foresight()
    for entry in ("a", "b"):
        assert foresight.of(entry) is not foresight.of(entry)

    foresight.entries = frozenset({"a", "b"})

    assert foresight.of("a") is foresight.of("a")
    assert foresight.of("a") is not foresight.of("b")
    assert foresight.of("c") is not foresight.of("c")


def test_a_long_value_is_not_sent() -> None:
    plan = Plan((("PV.GetS", "$var(a)"), ("PV.GetS", "$ci")))
    host = MessageHost(INVITE)
    host.set_s("$var(a)", "x" * (LONGEST_VALUE + 1))

    text, certain = plan.ahead(host, 1 << 20)

    assert text == messages.AHEAD % (f"{ABSENT},{messages.value(host.get_s('$ci'))}", 0)
    assert certain == 0


def test_a_value_and_an_edit_of_one_variable_share_their_group() -> None:
    plan = learned(
        ("PV.GetS", ("$ru",)), ("PV.GetS", ("$ci",)), ("PV.GetS", ("$var(a)",)), ("PV.SetS", ("$rU", "x"))
    ).plan

    assert plan.as_json is not None
    groups = {name: group for _, name, group in plan.as_json["reads"]}
    assert groups["$ci"] == 0
    assert [edit[:3] for edit in plan.as_json["edits"]] == [["PV.SetS", "$rU", groups["$ru"]]]
    assert groups["$var(a)"] not in {0, groups["$ru"]}
