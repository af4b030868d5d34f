"""runner.runtimes.runtime: one runtime as data."""

from __future__ import annotations

from runner.runtimes.known import JAVA, NODE
from runner.runtimes.runtime import Runtime

LUA = Runtime(name="lua", suffixes=(".lua",), command=("lua",), environment={"A": "{},own", "B": "1"})


def test_a_script_is_for_it_by_its_suffix_in_capitals_too() -> None:
    assert LUA.runs("/x/Number.LUA")
    assert not LUA.runs("/x/lua")
    assert not LUA.runs("/x/a.lua.bak")


def test_a_variable_keeps_what_the_administrator_set() -> None:
    assert LUA.variables({}) == {"A": "own", "B": "1"}
    assert LUA.variables({"A": "theirs", "B": "2"}) == {"A": "theirs,own", "B": "1"}


def test_one_that_is_missing_says_which_packages_bring_it() -> None:
    assert NODE.how_to_install == ": apt-get install --no-install-recommends nodejs"
    assert LUA.how_to_install == ""


def test_only_its_sources_are_compiled_for_its_workers() -> None:
    assert [JAVA.compiler_of(f"/x/A{suffix}") is not None for suffix in (".java", ".JAVA", ".jar", ".class")] == [
        True, True, False, False,
    ]  # fmt: skip
    assert NODE.compiler_of("/x/a.js") is None
