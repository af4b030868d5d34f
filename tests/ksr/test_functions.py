"""The lists of KEMI's functions: what they say, and that they say it well."""

from __future__ import annotations

import pytest

from runner.ksr import functions
from runner.ksr.functions import VERSIONS, Function, Parameter

ON_BRANCH = Function("tm", "t_on_branch", (Parameter("str", "rname"),), "int", ("tm.so",))


def test_a_line_is_a_function_and_a_function_a_line() -> None:
    lines = ["int tm.t_on_branch(str rname)  tm.so", "none info(str txt)", "xval tls.cget(str aname)  a.so b.so"]

    found = functions.parse("# a comment\n\n" + "\n".join(lines))

    assert [str(each) for each in found] == [lines[1], lines[2], lines[0]]
    assert found[2] == ON_BRANCH
    assert (found[0].full_name, found[0].files, found[1].files) == ("info", (), ("a.so", "b.so"))
    assert ON_BRANCH.kinds == ("str",)


@pytest.mark.parametrize("line", ["tm.t_relay()", "int tm.t_relay() tm.so", "int tm.t_relay()  tm", "int tm.t.relay()"])
def test_a_line_that_is_no_function_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="expected a function of KEMI"):
        functions.parse(line)


@pytest.mark.parametrize(("version", "names"), [("5.6", 1237), ("6.0", 1346)])
def test_the_lists_have_every_function_once(version: str, names: int) -> None:
    found = functions.read(version)

    assert len({each.full_name for each in found}) == names
    assert len({(each.full_name, each.kinds) for each in found}) == len(found)
    assert {each.ret for each in found} <= {"none", "int", "bool", "str", "xval"}
    assert {kind for each in found for kind in each.kinds} <= {"str", "int", "long"}
    assert ON_BRANCH in found


def test_from_one_version_to_the_next_functions_only_got_variants() -> None:
    """What a script of 5.6 calls means the same on 6.0, so one KSR.dll is right for both."""
    old, new = ({(each.full_name, each.kinds, each.ret) for each in functions.read(version)} for version in VERSIONS)
    names = {name for name, *_ in old} & {name for name, *_ in new}

    assert {name for name, *_ in old - new} & names == set()
    added = {name for name, *_ in new - old} & names
    assert added == {"cfgutils.lock", "cfgutils.trylock", "cfgutils.unlock"}
