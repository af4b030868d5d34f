"""From and To; each answer is a Kamailio 5.6.3's, or a 6.0.1's where both are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded import versions

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.mark.parametrize(
    ("sender", "older", "newer"),
    [
        ("sip:f@x", "From: New sip:f@x;tag=a1", "From: New <sip:f@x>;tag=a1"),
        ("<sip:f@x>", "From: New <sip:f@x>;tag=a1", "From: New <sip:f@x>;tag=a1"),
    ],
)
def test_a_display_name_puts_the_uri_into_brackets(sender: str, older: str, newer: str) -> None:
    for host, line in zip(versions.hosts(versions.message(sender=sender)), (older, newer), strict=True):
        host.set_s("$fn", "New")

        assert line in host.message_bytes().decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$fu", "sip:alice@example.org"),
        ("$fU", "alice"),
        ("$fd", "example.org"),
        ("$fn", '"Alice"'),
        ("$ft", "a1"),
        ("$tu", "sip:bob@example.com"),
        ("$tt", None),
    ],
)
def test_a_variable_reads_as_in_kamailio(host: MessageHost, name: str, value: str | None) -> None:
    assert host.get_s(name) == value


def test_a_write_to_from_is_seen_in_the_outgoing_message_only(host: MessageHost) -> None:
    assert host.set_s("$fU", "zoe") == 0

    assert host.get_s("$fU") == "alice"
    assert b"<sip:zoe@example.org>" in host.message_bytes()
