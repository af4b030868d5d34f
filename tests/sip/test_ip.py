"""Addresses as Kamailio 5.6.3 reads them."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from runner.sip.ip import ip_version, is_number, parse_ip


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("6...", "6.0.0.0"),
        ("1..2.", "1.0.2.0"),
        ("256.257.0.1", "0.1.0.1"),
        ("9" * 5000 + ".0.0.1", "255.0.0.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("::", "::"),
        ("[::1]", "::1"),
        ("1::", "1::"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7:", "1:2:3:4:5:6:7:0"),
        ("::2:3:4:5:6:7", "0:0:2:3:4:5:6:7"),
        ("12345::1", "2345::1"),
    ],
)
def test_an_address(host: str, address: str) -> None:
    assert parse_ip(host.encode()) == ip_address(address).packed


@pytest.mark.parametrize(
    "host",
    ["", "a.example", "1.2.3", "1.2.3.4.5", "1.2.3.4a", "[1.2.3.4]", "[", "[]", ":", ":::", "1:2", "1::2::3", "[::1",
     "::1]", "1:2:3:4:5:6:7:8:9", "::ffff:192.0.2.1", "fe80::1%eth0", "::g", ":" * 5000],
)  # fmt: skip
def test_a_name(host: str) -> None:
    assert (parse_ip(host.encode()), ip_version(host.encode())) == (None, 0)


@pytest.mark.parametrize(
    "host",
    ["0", "00", "010", "256", "127.1", "1.2.3", "1.256", "1.2.65535", "1.16777215", "2130706433", "0377.1", "0" * 255],
)
def test_a_number_that_the_resolver_takes_for_an_address(host: str) -> None:
    assert is_number(host.encode())


@pytest.mark.parametrize(
    "host",
    ["", "a", "08", "0x7f.1", "0400.1", "256.1", "1.2.65536", "1.16777216", "4294967296", "1.", "1..2", ".1", "1.2.3.",
     "1.2.3.4.5", "1_2", "1-", "[0]", "9" * 30, "0" * 300],
)  # fmt: skip
def test_a_number_that_the_resolver_takes_for_a_name(host: str) -> None:
    assert not is_number(host.encode())
