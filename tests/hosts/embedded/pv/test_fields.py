"""``$expires``, as a Kamailio 5.6.3 answered for the same headers."""

from __future__ import annotations

import pytest

from .test_lists import host


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ('Contact: <sip:p@192.0.2.8;+sip.instance="<urn:x:0>">;expires=300', "300", "300"),
        ('Contact: <sip:u@example.org>;expires="5"', "5", "5"),
        ("Contact: <sip:u@example.org>;expires=4294967295", "4294967295", "4294967295"),
        ("Contact: <sip:u@example.org>;expires=4294967296", None, None),
        ("Contact: <sip:u@example.org>;expires=+4;q=1", "4", "4"),
        ("Contact: <sip:u@example.org>;expires=5s", None, None),
        ("Contact: <sip:u@example.org>;expires=7;EXPIRES=8", "8", "8"),
        ("Expires: 60\r\nContact: <sip:u@example.org>;expires, <sip:v@example.org>;expires=9", "9", "60"),
        ("Contact: <sip:u@example.org>, <sip:v@example.org>;expires=9", "9", "9"),
        ("Expires: 60\r\nContact: *", "60", "60"),
        ("Expires: 12 x\r\nContact: <sip:a@b>", "12", "12"),
        ("Expires: 60\r\nContact: <sip:u@example.org>;expires=9;", None, None),
        ("Contact: <sip:u@example.org>", None, None),
    ],
)
def test_the_seconds_of_contacts_are_numbers_of_32_bits(headers: str, least: str | None, most: str | None) -> None:
    one = host(headers)

    assert (one.get_s("$expires(min)"), one.get_s("$expires(max)")) == (least, most)
