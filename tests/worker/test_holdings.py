"""runner.worker.holdings: what a process has loaded, run and bound."""

from __future__ import annotations

from dataclasses import replace

from runner.scripts.generation import Generation, Helper, Part
from runner.worker.holdings import MAX_LOADED, Holdings


def build(number: str, path: str = "/a.exe", **helpers: str | None) -> Generation:
    found = {name: content and Helper(Part(f"/{name}.dll", content)) for name, content in helpers.items()}
    return Generation(number, path, Part(path, number), None, None, {name: one or None for name, one in found.items()})


def test_a_build_is_there_by_its_content_and_not_by_its_object() -> None:
    holdings = Holdings()
    holdings.add(build("1"))

    assert holdings.has(build("1"))
    assert not holdings.has(build("2"))
    assert not holdings.has(build("1", "/b.exe"))


def test_what_ran_is_forgotten_with_the_next_load() -> None:
    """Its statics are new, so what is slow the first time comes again."""
    holdings, one = Holdings(), build("1")
    holdings.add(one)
    holdings.ran[one.path] = one.id
    assert holdings.has_run(one)

    holdings.add(one)

    assert not holdings.has_run(one)


def test_a_load_says_of_which_builds_nothing_is_known_any_more() -> None:
    holdings = Holdings()

    assert holdings.add(build("1")) == ["1", "1"]
    assert holdings.add(build("2")) == ["1", "2"]


def test_a_helper_fits_when_it_is_the_one_that_is_bound_or_none_is() -> None:
    holdings = Holdings()
    holdings.bind(build("1", H="old", Gone=None))
    assert (holdings.bound, holdings.loads) == ({"H": "old"}, 1)

    assert holdings.fits(build("2", H="old"))
    assert holdings.fits(build("2", I="other"))
    assert not holdings.fits(build("2", H="new"))
    assert not holdings.fits(build("2", H=None)), "mono has bound the name"


def test_the_script_loaded_first_is_forgotten_when_there_are_too_many() -> None:
    holdings = Holdings()
    for number in range(MAX_LOADED + 1):
        one = build(str(number), f"/{number}.exe")
        replaced = holdings.add(one)
        holdings.ran[one.path] = one.id

    assert replaced == [str(MAX_LOADED), str(MAX_LOADED), "0"]
    assert len(holdings.loaded) == len(holdings.ran) == MAX_LOADED
    assert "/0.exe" not in holdings.loaded


def test_a_script_of_another_runtime_does_not_fit() -> None:
    holdings = Holdings(runtime="python")

    assert holdings.fits(replace(build("1"), runtime="python"))
    assert not holdings.fits(replace(build("1"), runtime="node"))
