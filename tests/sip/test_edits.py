"""Edits of a message: what two of them do to one place."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.sip.edits import OUT, Edit, Edits

DATA = b"0123456789"


def test_insertions_at_one_place_stay_in_the_order_they_were_made() -> None:
    edits = Edits()
    edits.insert(3, b"a")
    edits.insert(3, b"b")

    assert edits.apply(DATA) == b"012ab3456789"


def test_what_two_edits_delete_goes_once_and_both_texts_stay() -> None:
    edits = Edits()
    edits.replace(2, 4, b"x")
    edits.replace(3, 5, b"y")

    assert edits.apply(DATA) == b"01xy89"


@given(st.lists(st.tuples(st.integers(0, 10), st.binary(max_size=3)), max_size=8))
def test_insertions_alone_lose_no_byte(made: list[tuple[int, bytes]]) -> None:
    edits = Edits()
    for offset, text in made:
        edits.insert(offset, text)

    assert len(edits.apply(DATA)) == len(DATA) + sum(len(text) for _, text in made)


def test_what_was_moved_behind_another_edit_comes_behind_a_new_one() -> None:
    edits = Edits()
    edits.replace(2, 2, b"A")
    edits.replace(2, 2, b"B")

    assert edits.apply(b"0123456") == b"01AB456"
    edits.replace(2, 2, b"C")
    assert edits.apply(b"0123456") == b"01ACB456"


def test_what_is_doubled_is_put_in_for_another_socket_or_only_for_another_transport() -> None:
    edits = Edits()
    edits.add(Edit(0, 0, b"a", b"<" + OUT + b">"))
    edits.add(Edit(0, 0, b"b", b"[" + OUT + b"]", is_by_transport=True))

    assert edits.apply(b"!") == b"ab!"
    assert edits.leaving_by(b"1.2.3.4", None).apply(b"!") == b"<1.2.3.4>b!"
    assert edits.leaving_by(b"1.2.3.4", b"tcp").apply(b"!") == b"<1.2.3.4>[tcp]!"
