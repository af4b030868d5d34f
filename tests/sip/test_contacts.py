"""Contact bodies, and addresses that encode_contact has packed (siputils/contact_ops.c of Kamailio 5.6.3)."""

from __future__ import annotations

import pytest

from runner.sip.contacts import CannotDecodeError, ContactUri, decoded, uris


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


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"<sip:a@b>", [(b"sip:a@b", 1)]),
        (b'"A, B" <sip:a@b;lr>;q=1, sip:c@d;q=0.5', [(b"sip:a@b;lr", 8), (b"sip:c@d", 25)]),
        (b"*", []),
    ],
)
def test_uris_are_found_with_their_place(body: bytes, found: list[tuple[bytes, int]]) -> None:
    assert uris(body) == [ContactUri(uri, offset) for uri, offset in found]
    assert all(body[offset:].startswith(uri) for uri, offset in found)


@pytest.mark.parametrize("body", [b"", b"<>", b"nonsense", b"<sip:a@b>,"])
def test_a_body_that_does_not_parse_is_none(body: bytes) -> None:
    assert uris(body) is None
