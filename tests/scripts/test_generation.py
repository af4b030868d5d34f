"""runner.scripts.generation: a build is known by its content, and is the same to another process."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from runner.scripts.foresight import Foresight
from runner.scripts.generation import Generation, Helper, Part

FULL: dict[str, Any] = {
    "path": "/x.exe",
    "file": Part("/x.exe", "aa"),
    "symbols": Part("/x.pdb", "bb"),
    "config": Part("/x.exe.config", "cc"),
    "helpers": {"H": Helper(Part("/H.dll", "dd"), Part("/H.pdb", "ee")), "I": Helper(Part("/I.exe", "ff")), "No": None},
}
BARE = FULL | {"symbols": None, "config": None, "helpers": {}}


def test_the_same_content_is_the_same_build() -> None:
    again = FULL | {"helpers": dict(reversed(FULL["helpers"].items()))}

    assert Generation.of(**FULL).id == Generation.of(**again).id
    assert Generation.of(**FULL) == Generation.of(**FULL)


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/y.exe"},
        {"file": Part("/x.exe", "a0")},
        {"file": Part("/y.exe", "aa")},
        {"symbols": None},
        {"symbols": Part("/x.pdb", "b0")},
        {"config": None},
        {"config": Part("/x.exe.config", "c0")},
        {"helpers": {}},
        {"helpers": FULL["helpers"] | {"No": Helper(Part("/No.dll", "11"))}},
        {"helpers": FULL["helpers"] | {"H": Helper(Part("/H.dll", "d0"), Part("/H.pdb", "ee"))}},
        {"helpers": FULL["helpers"] | {"H": Helper(Part("/H.dll", "dd"))}},
        {"helpers": {name: helper for name, helper in FULL["helpers"].items() if name != "No"}},
    ],
    ids=repr,
)
def test_a_build_of_which_one_part_is_different_is_another_one(other: dict[str, Any]) -> None:
    assert Generation.of(**FULL).id != Generation.of(**FULL | other).id


def test_the_id_goes_into_a_line_of_the_wire_as_it_is() -> None:
    for path in ("/x.exe", '/"\\.exe', "/\udcff.exe", "/\u017e.exe"):
        id_ = Generation.of(**FULL | {"path": path, "file": Part(path, "aa")}).id
        assert (len(id_), id_.isalnum(), id_.isascii()) == (32, True, True)


def test_the_parts_are_all_files_that_are_there() -> None:
    assert [part.hash for part in Generation.of(**FULL).parts()] == ["aa", "bb", "cc", "dd", "ee", "ff"]
    assert [part.hash for part in Generation.of(**BARE).parts()] == ["aa"]


def test_a_load_names_files_by_where_they_lay_and_copies_by_their_hash() -> None:
    build = Generation.of(**FULL)

    assert build.load_params() == {
        "path": "/x.exe",
        "generation": build.id,
        "file": "aa",
        "symbols": "bb",
        "config": "cc",
        "helpers": {
            "H": {"path": "/H.dll", "file": "dd", "symbols": "ee"},
            "I": {"path": "/I.exe", "file": "ff", "symbols": None},
            "No": None,
        },
    }


@pytest.mark.parametrize("members", [FULL, BARE])
def test_another_process_knows_the_same_build(members: dict[str, Any]) -> None:
    build = Generation.of(**members)

    read = Generation.from_json(json.loads(json.dumps(build.as_json())))

    assert read == build
    assert read.load_params() == build.load_params()
    assert read.foresight is not build.foresight


def test_what_was_learned_goes_on_with_a_build_and_makes_it_no_other() -> None:
    build, learned = Generation.of(**FULL), Foresight()

    read = Generation.from_json(build.as_json(), learned)

    assert read.foresight is learned
    assert replace(build, foresight=learned) == build
    assert str(learned) not in repr(read)


def test_a_helper_is_bound_by_its_assembly() -> None:
    helper = Helper(Part("/H.dll", "dd"), Part("/H.pdb", "ee"))

    assert (helper.path, helper.hash) == ("/H.dll", "dd")
    assert Helper.from_json(json.loads(json.dumps(helper.as_json()))) == helper
