"""Names of headers, as core/parser/parse_hname2.c of Kamailio 5.6.3 knows them."""

from __future__ import annotations

import pytest

from runner.sip.header_names import COMPACT, header_key, header_type, key_asked_for, leading_name


@pytest.mark.parametrize(("name", "kind"), [(b"From", b"from"), (b"f", b"from"), (b"CALL-ID", b"call-id")])
def test_a_name_and_its_compact_form_are_one_header(name: bytes, kind: bytes) -> None:
    assert header_type(name) == kind
    assert header_key(name) == kind


def test_any_other_name_is_its_own_header_without_regard_to_case() -> None:
    assert header_type(b"X-Custom") is None
    assert header_key(b"X-Custom") == header_key(b"x-CUSTOM") == b"x-custom"


def test_every_compact_form_stands_for_a_name_with_a_type() -> None:
    assert [long for long in COMPACT.values() if header_type(long) != long] == []


@pytest.mark.parametrize(("text", "name"), [(b"X-A: 1", b"X-A"), (b"X~1_+.", b"X~1_+."), (b": 1", b""), (b"", b"")])
def test_a_name_ends_at_the_first_character_that_it_may_not_have(text: bytes, name: bytes) -> None:
    assert leading_name(text) == name


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (b"From", b"from"),
        (b"f", b"from"),
        (b"From: x", b"from"),
        (b"X-A \t", b"x-a"),
        (b"X-A: x", b"x-a: x"),
        (b":", None),
        (b" From", None),
        (b"", None),
    ],
)
def test_a_script_means_a_known_name_by_its_beginning_and_any_other_by_all_of_it(text: bytes, key: bytes) -> None:
    assert key_asked_for(text) == key
