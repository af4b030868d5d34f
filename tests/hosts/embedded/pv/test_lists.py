"""Bodies of lists, and what of a list that does not parse has a value; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost

INSTANCE = 'Contact: <sip:p@192.0.2.8;+sip.instance="<urn:x:0>">;expires=300'
THREE = 'Contact: <sip:a@b>;q=1, sip:c@d ;expires=5 , "e,f" <sip:g@h>\r\nm: <sip:i@j>'
BAD_SECOND = 'Route: <sip:a@b;lr>,\t<sip:c@d>;x="1,2"\r\nRoute: sip:e@f'


def host(*headers: str) -> MessageHost:
    head = [
        "REGISTER sip:example.com SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        *headers,
        "From: <sip:alice@example.org>;tag=a1",
        "To: <sip:bob@example.com>",
        "Call-ID: c1",
        "CSeq: 1 REGISTER",
    ]
    return MessageHost("\r\n".join(head).encode() + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("headers", "name", "value"),
    [
        (INSTANCE, "$(hfl(Contact)[0])", INSTANCE.removeprefix("Contact: ")),
        (INSTANCE, "$hflc(Contact)", "1"),
        ("Contact: Bond, James <sip:b@example.org>", "$hflc(Contact)", "1"),
        ("Contact: Bond, James <sip:b@example.org>", "$(hfl(Contact)[0])", "Bond, James <sip:b@example.org>"),
        (THREE, "$hflc(Contact)", "4"),
        (THREE, "$(hfl(Contact)[0])", '"e,f" <sip:g@h>'),
        (THREE, "$(hfl(Contact)[1])", "sip:c@d ;expires=5"),
        (THREE, "$(hfl(Contact)[3])", "<sip:i@j>"),
        (THREE, "$(hfl(Contact)[-2])", "<sip:i@j>"),
        (THREE, "$(hfl(Contact)[-1])", None),
        (THREE, "$(hfl(Contact)[-5])", '"e,f" <sip:g@h>'),
        (THREE, "$(hfl(Contact)[-6])", None),
        ("Contact: *\r\nContact: <sip:a@b>, <sip:c@d>", "$(hfl(Contact)[0])", None),
        ("Contact: *\r\nContact: <sip:a@b>, <sip:c@d>", "$(hfl(Contact)[1])", "<sip:a@b>"),
        ("Contact: <sip:a@b>\r\nContact: <sip:c@d", "$(hfl(Contact)[0])", None),
        ("Contact: <sip:a@b>\r\nContact: <sip:c@d", "$hflc(Contact)", "0"),
        ("Contact: <sip:a@b>\r\nContact: <sip:c@d", "$ct", "<sip:a@b>"),
        ("Contact: Bob sip:a@bcd", "$(hfl(Contact)[0])", "Bob sip:a@bc"),
    ],
)
def test_contacts_are_parsed_and_all_of_them_must(headers: str, name: str, value: str | None) -> None:
    assert host(headers).get_s(name) == value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$(hfl(Route)[0])", "<sip:a@b;lr>"),
        ("$(hfl(Route)[1])", '<sip:c@d>;x="1,2"'),
        ("$(hfl(Route)[2])", None),
        ("$(hfl(Route)[-2])", None),
        ("$hflc(Route)", "0"),
        ("$route_uri", "sip:a@b;lr"),
    ],
)
def test_routes_are_parsed_up_to_the_one_that_is_asked_for(name: str, value: str | None) -> None:
    assert host(BAD_SECOND).get_s(name) == value


@pytest.mark.parametrize("route", ["sip:a@b", "<sip:a@b>,", "<sip:a@b>;", "<sip:a@b> c", "<sip:a@b>;x=;y", "sip:a>"])
def test_a_route_that_does_not_parse_has_no_uri(route: str) -> None:
    assert (host(f"Route: {route}").is_null("$route_uri"), host(f"Route: {route}").is_null("$hfl(Route)")) == (-1, 1)


def test_one_contact_ends_in_front_of_the_comma_of_a_list() -> None:
    """The 7 bit transformations read the byte behind a value that stands in the message."""
    assert (
        host("Contact: <sip:a@b>, <sip:c@d>").get_s("$(hfl(Contact)[1]{s.encode.7bit}{s.decode.7bit})") == "<sip:a@b>"
    )
