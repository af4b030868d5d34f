"""Selects of a URI; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded.reading import through, values

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.mark.parametrize(
    ("address", "own"),
    [("192.0.2.01", "127.0.0.1"), ("1.2.3.", "127.0.0.1"), ("1.2.3.99999", "127.0.0.1"), ("[192.0.2.1]", None)],
)
def test_an_address_of_ipv4_has_three_dots_and_any_digits(host: MessageHost, address: str, own: str | None) -> None:
    host.set_s("$ru", f"sip:a@{address}")

    assert host.get_s("$sel(next_hop.src_ip)") == own


def test_parts_of_a_uri(host: MessageHost) -> None:
    assert values(
        host, "RURI.type ruri.params.x ruri.params ruri.rn_user from.uri.pwd f.uri.hostport from.uri.port"
    ) == [
        "tel",
        "y",
        None,
        "bob",
        "secret",
        "example.org:5070",
        "5070",
    ]
    assert values(host, "refer_to.uri.transport refer_to.uri.hostport rpid.uri dst_uri dst_uri.user next_hop.user") == [
        "tls",
        "h:5061",
        None,
        None,
        None,
        "bob",
    ]


def test_the_number_of_a_tel_uri_loses_its_separators(host: MessageHost) -> None:
    assert values(
        host, "to.uri.user to.uri.rn_user to.uri.params.rn to.uri.params.ext to.uri.host to.uri.hostport"
    ) == [
        "+1201555",
        "+12",
        "+1-2",
        "",
        "",
        None,
    ]


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("tel:-5-6", "56"),
        ("tel:-5", "-5"),
        ("tel:sip:a@b.example", "b.example"),
        ("urn:a-b:c", "ab"),
        ("sip:a-b@h", "a-b"),
    ],
)
def test_separators_count_where_a_user_is_looked_for_first(host: MessageHost, uri: str, user: str) -> None:
    host.set_s("$ru", uri)

    assert values(host, "ruri.user next_hop.rn_user") == [user, user]


def test_an_underscore_in_the_name_of_a_uri_parameter_is_a_hyphen(host: MessageHost) -> None:
    assert values(host, "from.uri.params.x_y hf_value.x_custom[2].p.r_s") == ["1", "t u"]


def test_the_own_address_for_a_next_hop_is_known_for_an_address_only(host: MessageHost) -> None:
    unknown = host.get_s("$sel(next_hop.src_ip)")
    host.set_s("$du", "sip:192.0.2.9;transport=udp")
    udp = host.get_s("$sel(next_hop.src_ip)")
    host.set_s("$du", "sip:192.0.2.9;transport=tcp")

    assert (unknown, udp, host.get_s("$sel(next_hop.src_ip)")) == (None, "127.0.0.1", None)


@pytest.mark.parametrize(
    ("target", "own"),
    [
        ("0", "127.0.0.1"),
        ("1.2.3:99", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("08", None),
        ("1.2.3;transport=tcp", None),
    ],
)
def test_the_own_address_is_known_for_a_next_hop_that_no_server_need_be_asked_about(
    target: str, own: str | None
) -> None:
    request = through("SIP/2.0/UDP 192.0.2.5:5060", first_line=f"INVITE sip:{target} SIP/2.0")

    assert request.get_s("$sel(next_hop.src_ip)") == own


def test_an_r_uri_that_was_written_empty_is_the_next_hop_of_a_select_alone() -> None:
    request = through("SIP/2.0/UDP 192.0.2.5:5060")

    assert request.set_s("$ru", "") == 0
    assert (request.get_s("$sel(next_hop)"), request.get_s("$nh(u)")) == ("", "sip:bob@example.com")
    assert (request.get_s("$sel(next_hop.host)"), request.is_null("$ru")) == (None, 1)
