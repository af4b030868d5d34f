"""Lists of extended values."""

from __future__ import annotations

from runner.hosts.embedded.context import XavpNode
from runner.hosts.embedded.xavps import named, place_of, searched

FIRST, SECOND, OTHER = XavpNode(b"a", None), XavpNode(b"a", None), XavpNode(b"b", None)


def test_values_have_an_order_below_their_name() -> None:
    assert [id(node) for node in named([FIRST, OTHER, SECOND], b"a")] == [id(FIRST), id(SECOND)]
    assert named([OTHER], b"a") == []


def test_a_list_that_was_emptied_is_none() -> None:
    assert searched([OTHER], [FIRST]) == [OTHER]
    assert searched([], [FIRST]) == [FIRST]


def test_a_list_is_printed_as_its_place() -> None:
    assert place_of([FIRST]).startswith(b"<<xavp:0x")
    assert place_of([]) == b"<<xavp:(nil)>>"
