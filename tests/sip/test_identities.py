"""P-Asserted-Identity and P-Preferred-Identity, as parse_ppi_pai.c of Kamailio 5.6.3 reads them."""

from __future__ import annotations

import pytest

from runner.sip.identities import MAX_IDENTITIES, parse_identities


def uris(body: bytes) -> list[bytes] | None:
    found = parse_identities(body)
    return None if found is None else [one.uri for one in found]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'"A, B" <sip:a@b>, tel:+1;x=1, <sip:c@d>', [b"sip:a@b", b"tel:+1", b"sip:c@d"]),
        (b"<sip:a@b>,\r\n\tsip:c@d", [b"sip:a@b", b"sip:c@d"]),
        (b"<sip:a@b>, \n <sip:c@d>", [b"sip:a@b", b"sip:c@d"]),
        (b"< sip:a@b > ", [b"sip:a@b"]),
    ],
)
def test_commas_outside_quotes_separate_addresses(body: bytes, found: list[bytes]) -> None:
    assert uris(body) == found


def test_white_space_at_the_end_of_the_body_belongs_to_a_bare_uri() -> None:
    assert uris(b"sip:a@b \t") == [b"sip:a@b \t"]


@pytest.mark.parametrize(
    ("body", "name", "uri"),
    [
        (b"b\r\n c", b"", b"b"),
        (b"b\r\n c d", b"", b"b\r\n c"),
        (b"b\r\n c ", b"", b"b\r\n c"),
        (b"b \r\n \r\n c", b"", b"b"),
        (b"b\r\n c <", b"b\r\n c", b"b\r\n c"),
        (b"=\n\t<@", b"=", b""),
        (b"b\r\n c < sip:d;x,y ", b"b\r\n c", b""),
    ],
)
def test_a_name_with_a_fold_behind_its_first_word_is_a_uri_at_the_end_of_the_body(
    body: bytes, name: bytes, uri: bytes
) -> None:
    (found,) = parse_identities(body) or ()

    assert (found.display, found.uri) == (name, uri)


def test_what_follows_the_tenth_address_is_ignored() -> None:
    assert uris(b",".join([b"sip:a@b"] * MAX_IDENTITIES) + b", not an address") == [b"sip:a@b"] * MAX_IDENTITIES


@pytest.mark.parametrize(
    "body", [b"", b"A B", b"sip:a@b,", b"sip:a@b,,sip:c@d", b"<sip:a@b>,\r\n", b"<sip:a@b> c", b"b c\r\n d"]
)
def test_one_address_that_does_not_parse_spoils_the_header(body: bytes) -> None:
    assert parse_identities(body) is None
