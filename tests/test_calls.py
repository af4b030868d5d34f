"""runner.calls: the table of calls, against the Host protocol and against SR.cs."""

from __future__ import annotations

import inspect
import re
from typing import get_origin, get_type_hints

import pytest

from runner.calls import CALLS, FAILED, KSR_EDITS, LOG_LEVELS, MODF_CANNOT_RUN, Call, Host
from tests.places import ROOT

SR_CS = ROOT / "lib" / "SR.cs"
ANSWERED_IN_SR_DLL = {"Core.APIVersion", "Core.Err", "Core.Dbg"}
EVERY_CALL = pytest.mark.parametrize("call", CALLS.values(), ids=lambda call: call.name)
OF_SR_DLL = pytest.mark.parametrize(
    "call", [call for call in CALLS.values() if call.name != "KSR"], ids=lambda call: call.name
)


def surface() -> dict[str, tuple[str, list[str]]]:
    """The public static methods of SR.cs: C# name to result and parameter types."""
    found: dict[str, tuple[str, list[str]]] = {}
    holder = ""
    for line in SR_CS.read_text(encoding="utf-8").splitlines():
        if a_class := re.match(r"    public class (\w+)", line):
            holder = a_class[1]
        elif method := re.match(r"        public static (\w+) (\w+)\((.*)\)", line):
            # Of two overloads the first: it is app_mono's.
            found.setdefault(f"{holder}.{method[2]}", (method[1], re.findall(r"(\w+) \w+", method[3])))
    return found


def test_the_table_and_what_sr_dll_answers_itself_are_the_whole_surface() -> None:
    assert CALLS.keys() - {"KSR"} | ANSWERED_IN_SR_DLL == surface().keys()
    assert len(surface()) == 15


@OF_SR_DLL
def test_the_arguments_and_the_error_value_are_those_of_sr_cs(call: Call) -> None:
    kind = {int: "int", str: "string"}
    result, parameters = surface()[call.name]

    assert [kind[parameter] for parameter in call.parameters] == parameters
    assert result == ("void" if call.is_notice else "string" if call.error_value is None else "int")


@EVERY_CALL
def test_every_call_has_its_method_of_the_host(call: Call) -> None:
    hints = get_type_hints(getattr(Host, call.method))
    result = hints.pop("return")

    # ModF may have more texts.
    own = [get_origin(hint) or hint for name, hint in hints.items() if (call.name, name) != ("Core.ModF", "arguments")]
    assert tuple(own) == call.parameters
    assert isinstance(call.error_value, result)


def test_every_method_of_the_host_belongs_to_a_call_or_expands() -> None:
    methods = {name for name, _ in inspect.getmembers(Host, inspect.isfunction) if not name.startswith("_")}

    assert methods == {call.method for call in CALLS.values()} | {"expand"}


@EVERY_CALL
def test_a_call_is_an_edit_when_its_name_says_that_it_changes_something(call: Call) -> None:
    changes = call.name.startswith(("HDR.", "PV.Set", "PV.Unset", "Core.ModF", "KSR"))

    assert call.is_edit is changes
    assert call.is_notice is (call.name == "Core.Log")


def test_the_error_values_are_those_of_app_mono() -> None:
    values = {name: call.error_value for name, call in CALLS.items() if name not in {"Core.Log", "PV.GetS", "KSR"}}

    assert values.pop("Core.ModF") == MODF_CANNOT_RUN == -127
    assert values.pop("PV.GetI") == 0
    assert set(values.values()) == {FAILED} == {-1}


def test_every_log_level_of_kamailio_has_a_name() -> None:
    assert sorted(LOG_LEVELS) == list(range(-5, 4))
    assert len(set(LOG_LEVELS.values())) == len(LOG_LEVELS)


@pytest.mark.parametrize(
    ("call", "args", "takes"),
    [
        ("PV.SetS", ["$a", "x"], True),
        ("PV.SetS", ["$a"], False),
        ("PV.SetS", ["$a", "x", "y"], False),
        ("Core.ModF", ["x"], True),
        ("Core.ModF", ["x", *"abcdef"], True),
        ("Core.ModF", ["x", *"abcdefg"], False),
        ("Core.ModF", ["x", 7], False),
        ("KSR", ["x", []], True),
        ("KSR", ["x", ["y", 7, True]], True),
        ("KSR", ["x", [1.5]], False),
        ("KSR", ["x", [], "y"], False),
    ],
)
def test_which_arguments_a_call_takes(call: str, args: list[object], *, takes: bool) -> None:
    assert CALLS[call].takes(args) is takes


def test_an_edit_of_kemi_that_other_calls_make_is_in_the_bridge_as_well() -> None:
    switch = (ROOT / "bridge" / "Calls.cs").read_text(encoding="utf-8")

    assert (
        dict(re.findall(r'case "([a-z_.]+)":\n(?: +value = One;\n)? .*?new Call\("([A-Za-z.]+)"', switch)) == KSR_EDITS
    )
