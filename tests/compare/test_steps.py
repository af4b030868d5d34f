"""The cases: the same for a seed, of every kind, and within what a datagram holds."""

from __future__ import annotations

import functools
import itertools

import pytest

from runner import sip
from runner.hosts.embedded.modf import FUNCTIONS
from tests.compare.made import Made
from tools.compare import unstable
from tools.compare.cases import MODES, SOCKETS
from tools.compare.expressions import VARIABLES
from tools.compare.headers import HEADERS
from tools.compare.steps import case, cases

MADE = Made(cases, 4000)


@functools.cache
def read() -> str:
    return "\n".join(str(step[1]) for step in MADE.steps if str(step[0]) in {"PV.GetS", "PV.GetI", "PV.IsNull"})


def test_the_same_seed_makes_the_same_cases_in_any_order() -> None:
    some = MADE.cases[:50]

    assert [case(1, number) for number in reversed(range(50))] == some[::-1]
    assert list(itertools.islice(cases(1, 40), 10)) == some[40:]
    assert list(itertools.islice(cases(2), 50)) != some


def test_most_messages_are_such_that_they_reach_a_script() -> None:
    def parses(data: bytes) -> bool:
        try:
            sip.parse(data)
        except sip.SipParseError:
            return False
        return True

    assert sum(parses(case.message) for case in MADE.cases) > 0.8 * len(MADE.cases)
    assert max(len(case.message) for case in MADE.cases) <= 65_000


@pytest.mark.parametrize("name", HEADERS)
def test_every_header_comes(name: str) -> None:
    assert any(f"\n{name.lower()}:".encode() in case.message.lower() for case in MADE.cases)


def test_every_variable_is_read() -> None:
    missing = [v.name for v in VARIABLES if f"${v.name}" not in read() and f"$({v.name}" not in read()]

    assert missing == []


def test_every_call_mode_and_socket_comes() -> None:
    calls = {
        "PV.GetS",
        "PV.GetI",
        "PV.IsNull",
        "PV.SetS",
        "PV.SetI",
        "PV.Unset",
        "HDR.Append",
        "HDR.Insert",
        "HDR.Remove",
    }

    assert {step[0] for step in MADE.steps} == calls | {"HDR.AppendToReply", "Core.ModF"}
    assert {case.mode for case in MADE.cases} == set(MODES)
    assert {case.socket for case in MADE.cases} == set(SOCKETS)
    assert FUNCTIONS.keys() - {step[1] for step in MADE.steps if step[0] == "Core.ModF"} == {
        "sl_forward_reply", "forward_reply",
    }  # fmt: skip


@pytest.mark.parametrize("part", ["[*]", "[-1]", "{s.", "{uri.", "{re.subst", "}{", "$sel(", "$sdp(", "$hflc("])
def test_every_form_of_an_expression_is_read(part: str) -> None:
    assert part in read()


def test_what_is_left_out_is_never_made() -> None:
    assert [step for step in MADE.steps if unstable.is_left_out(step)] == []
    assert unstable.is_left_out(("PV.GetS", "$(ru{s.replace,,x})"))
    assert unstable.reason(("PV.GetS", "$(ru{s.rbefore,x})"))
    assert unstable.reason(("PV.GetS", "$ru")) is None
