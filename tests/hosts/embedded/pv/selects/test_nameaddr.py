"""Selects of an address in any text; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hosts.embedded.reading import values

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_an_address_in_any_header_is_in_its_last_without_a_number_and_in_its_first_with_one(host: MessageHost) -> None:
    assert values(host, "msg.header.x_custom.nameaddr.uri msg.header.x_custom[2].nameaddr.uri") == [
        "sip:xc@example.com;up=1",
        "one",
    ]
    assert values(host, "msg.header.x_custom.nameaddr.params.p msg.header.x_custom[2].nameaddr.params") == ["q", "a=1"]


def test_an_address_without_parameters_gives_all_of_its_text_for_them(host: MessageHost) -> None:
    assert values(host, "msg.header.subject.nameaddr.params msg.header.subject.nameaddr.name") == ["one", ""]
