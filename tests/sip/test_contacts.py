"""Contact bodies, and addresses that encode_contact has packed (siputils/contact_ops.c of Kamailio 5.6.3)."""

from __future__ import annotations

import pytest

from runner.sip.contacts import CannotDecodeError, decoded, parse_contacts
from runner.sip.params import Param


@pytest.mark.parametrize(
    ("packed", "address"),
    [
        (b"sip:x*bob*pw*192.0.2.1*5070*udp@proxy.example", b"sip:bob:pw@192.0.2.1:5070;transport=udp"),
        (b"sip:x*bob**192.0.2.1**@proxy.example", b"sip:bob@192.0.2.1"),
        (b"sip:x***192.0.2.1**@proxy.example", b"sip:192.0.2.1"),
        (b"sip:x*bob**192.0.2.1**@proxy.example;lr>", b"sip:bob@192.0.2.1;lr>"),
    ],
)
def test_what_was_packed_comes_out_again(packed: bytes, address: bytes) -> None:
    assert decoded(packed) == address


@pytest.mark.parametrize(
    ("packed", "code"),
    [
        (b"", -1),
        (b"nonsense", -22),
        (b"sip:bob", -23),
        (b"sip:a*b*c*d*e*f*g@h", -24),
        (b"sip:bob@example.com", -26),
        (b"sip:x*bob****@h", -2),
        (b"sip:x**pw*192.0.2.1**@h", -3),
    ],
)
def test_what_was_not_packed_has_the_code_of_decode_contact(packed: bytes, code: int) -> None:
    with pytest.raises(CannotDecodeError) as error:
        decoded(packed)

    assert error.value.code == code


def addresses(body: bytes) -> list[tuple[bytes, bytes]] | None:
    """Name and URI of each address, as Kamailio lists them."""
    found = parse_contacts(body)
    return None if found is None else [(contact.name, contact.uri) for contact in found]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"<sip:a@b>", [(b"", b"sip:a@b")]),
        (b'"A, B" <sip:a@b;lr>;q=1, sip:c@d;q=0.5', [(b"", b"sip:c@d"), (b'"A, B"', b"sip:a@b;lr")]),
        (b"Bond, James <sip:b@example.org>", [(b"Bond, James", b"sip:b@example.org")]),
        (b'<sip:p@h;+sip.instance="<urn:x:0>">;q=1', [(b"", b'sip:p@h;+sip.instance="<urn:x:0>"')]),
        (b"< sip:a@b >", [(b"", b"sip:a@b")]),
        (b"<sip:a@b> c", [(b"", b"<sip:a@b> c")]),
        (b"*", []),
        (b" *;expires=0", []),
    ],
)
def test_addresses_are_listed_last_one_first(body: bytes, found: list[tuple[bytes, bytes]]) -> None:
    assert addresses(body) == found


def test_a_name_in_front_of_a_bare_uri_costs_the_body_its_last_byte() -> None:
    """skip_name counts the blank between them twice."""
    assert addresses(b"Bob sip:a@bcd") == [(b"Bob", b"sip:a@bc")]
    assert addresses(b"Bob sip:a@b, <sip:c@d>") is None


def test_a_uri_is_found_at_its_place() -> None:
    body = b'"A" < sip:a@b>;q=1, sip:c@d'

    assert all(body[found.uri_start :].startswith(found.uri) for found in parse_contacts(body) or ())


def test_a_bracket_behind_a_blank_ends_parameters_and_is_passed_as_a_comma() -> None:
    assert addresses(b"<sip:a@b>;q=1 > <sip:c@d>") == [(b"", b"sip:c@d"), (b"", b"sip:a@b")]


def test_the_last_parameter_of_a_name_counts_without_its_quotes() -> None:
    (found,) = parse_contacts(b'<sip:a@b>;expires=1;EXPIRES="5";q=') or ()

    assert (found.param(b"expires"), found.param(b"q"), found.param(b"methods")) == (
        Param(b"EXPIRES", b"5"),
        Param(b"q"),
        None,
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<>",
        b"nonsense",
        b"<sip:a@b>,",
        b"<sip:a@b",
        b"<sip:a<b>",
        b"sip:a@b>",
        b'"A <sip:a@b>',
        b"<sip:a@b>;",
        b"<sip:a@b>;q=;x",
        b'<sip:a@b;x="\\y">',
    ],
)
def test_a_body_that_does_not_parse_is_none(body: bytes) -> None:
    assert parse_contacts(body) is None


@pytest.mark.parametrize(
    ("piece", "is_read"),
    [
        (b'"a" <sip:a@b;x="y">;q=1, ', True),
        (b'<"a\\"', False),
        (b'"\\', False),
        (b"a sip:a@b, ", False),
        (b";:<", False),
        (b"<sip:a@b>;x > ", True),
    ],
)
def test_long_bodies_take_linear_time(piece: bytes, *, is_read: bool) -> None:
    assert (parse_contacts(piece * 20_000 + b"<sip:c@d>") is not None) is is_read
