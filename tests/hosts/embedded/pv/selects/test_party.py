"""Selects of a header with an address; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded.reading import MESSAGE, values


@pytest.mark.parametrize(
    ("headers", "name", "value"),
    [
        (b"Contact: <sip:a@h>;q=0.5,<sip:b@h>;q=1", "$sel(contact.q)", "1"),
        (b"Contact: *", "$sel(contact.name)", None),
    ],
)
def test_lists_of_addresses_are_read_as_their_parsers_do(headers: bytes, name: str, value: str | None) -> None:
    assert MessageHost(MESSAGE.replace(b"X-Custom: one", headers)).get_s(name) == value


def test_parts_of_an_address(host: MessageHost) -> None:
    assert values(host, 'from.name from.params.p from.params["P"] from.tag to.tag to.name') == [
        '"Alice"',
        "q",
        "q",
        "t1",
        None,
        None,
    ]


def test_a_contact_is_the_last_of_its_header_and_a_record_route_the_first(host: MessageHost) -> None:
    assert values(host, "contact.uri contact.name contact.q contact.expires contact.methods contact.received") == [
        "sip:c@h.example",
        '"C"',
        "1",
        "60",
        "INVITE,ACK",
        "sip:r",
    ]
    assert values(host, "m.instance m.params.q record_route.uri rr.uri.params rr.params.a rr.params.b rr.name") == [
        "<urn:x>",
        "1",
        "sip:p1@h;lr",
        "lr",
        "2",
        None,
        "",
    ]
