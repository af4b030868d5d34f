"""Bodies of lists, and what of a list that does not parse has a value; each answer is a Kamailio 5.6.3's,
or a 6.0.1's where both are named."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE, with_headers

INSTANCE = 'Contact: <sip:p@192.0.2.8;+sip.instance="<urn:x:0>">;expires=300'
THREE = 'Contact: <sip:a@b>;q=1, sip:c@d ;expires=5 , "e,f" <sip:g@h>\r\nm: <sip:i@j>'
BAD_SECOND = 'Route: <sip:a@b;lr>,\t<sip:c@d>;x="1,2"\r\nRoute: sip:e@f'


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
    assert with_headers(headers).get_s(name) == value


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
    assert with_headers(BAD_SECOND).get_s(name) == value


@pytest.mark.parametrize("route", ["sip:a@b", "<sip:a@b>,", "<sip:a@b>;", "<sip:a@b> c", "<sip:a@b>;x=;y", "sip:a>"])
def test_a_route_that_does_not_parse_has_no_uri(route: str) -> None:
    assert (
        with_headers(f"Route: {route}").is_null("$route_uri"),
        with_headers(f"Route: {route}").is_null("$hfl(Route)"),
    ) == (-1, 1)


def test_one_contact_ends_in_front_of_the_comma_of_a_list() -> None:
    """The 7 bit transformations read the byte behind a value that stands in the message."""
    assert (
        with_headers("Contact: <sip:a@b>, <sip:c@d>").get_s("$(hfl(Contact)[1]{s.encode.7bit}{s.decode.7bit})")
        == "<sip:a@b>"
    )


def test_the_comma_behind_a_via_belongs_to_it(host: MessageHost) -> None:
    assert (host.get_s("$(hfl(Via)[0])"), host.get_s("$(hfl(Via)[1])")) == (
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1 ,",
        "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2",
    )


@pytest.mark.parametrize(
    ("headers", "name", "value"),
    [
        (b"Record-Route: sip:bare@r", "$hfl(Record-Route)", None),
    ],
)
def test_lists_of_addresses_are_read_as_their_parsers_do(headers: bytes, name: str, value: str | None) -> None:
    assert MessageHost(MESSAGE.replace(b"X-Custom: one", headers)).get_s(name) == value


LISTS = (
    f"Contact: {versions.CONTACT}",
    "Contact: <sip:c@3.example>",
    "Diversion: <sip:d1@x.example>;reason=user-busy, <sip:d2@x.example>;reason=no-answer",
    'P-Asserted-Identity: "A" <sip:pa@x.example>, <tel:+123>',
    "Record-Route: <sip:r1.example;lr>, <sip:r2.example;lr>",
)


@pytest.mark.parametrize(
    ("expression", "older", "newer"),
    [
        ("$(hfl(Contact)[0])", '"B" <sip:b@2.example>;q=0.5', "<sip:a@1.example>"),
        ("$(hfl(Contact)[-1])", None, "<sip:c@3.example>"),
        ("$(hfl(Contact)[-2])", "<sip:c@3.example>", '"B" <sip:b@2.example>;q=0.5'),
        ("$(hfl(Record-Route)[-1])", None, "<sip:r2.example;lr>"),
        ("$(hfl(Via)[-1])", None, versions.VIA),
        ("$(hfl(Diversion)[1])", None, "<sip:d2@x.example>;reason=no-answer"),
        ("$(hfl(Diversion)[-2])", None, "<sip:d1@x.example>;reason=user-busy"),
        ("$(hfl(P-Asserted-Identity)[0])", LISTS[3].partition(": ")[2], '"A" <sip:pa@x.example>'),
        ("$(hfl(P-Asserted-Identity)[1])", None, "<tel:+123>"),
        ("$hflc(Diversion)", "1", "2"),
        ("$hflc(P-Asserted-Identity)", "1", "2"),
        ("$ctu", None, "sip:a@1.example"),
    ],
)
def test_lists_in_headers(expression: str, older: str | None, newer: str | None) -> None:
    assert versions.both(expression, versions.message(*LISTS)) == [older, newer]


@pytest.mark.parametrize(
    ("body", "count", "star"),
    [("*", "0", "1"), ("<a>", "0", None), ("a, <sip:b@x>", "1", "0"), ("sip:a@b, <ab>", "0", None)],
)
def test_an_address_of_a_contact_has_three_bytes_at_least(body: str, count: str, star: str | None) -> None:
    _, newer = versions.hosts(versions.message(f"Contact: {body}"))

    assert (newer.get_s("$hflc(Contact)"), newer.get_s("$cts")) == (count, star)


def test_an_address_that_begins_in_brackets_behind_a_fold_and_does_not_end_is_listed_whole() -> None:
    data = versions.message("P-Preferred-Identity: =\r\n\t<@")

    assert versions.both("$(hfl(P-Preferred-Identity)[0])", data) == ["=\r\n\t<@", "=\r\n\t<@"]
    assert versions.both("$pn", data) == ["=", "="]
    assert versions.both("$pu", data) == [None, None]


@pytest.mark.parametrize("name", ["Diversion", "P-Asserted-Identity", "P-Preferred-Identity"])
def test_a_list_has_what_an_earlier_read_kept_of_headers_that_do_not_parse(name: str) -> None:
    _, newer = versions.hosts(versions.message(f"{name}: <sip:a@x>, <sip:b@x>", f"{name}: oops oops oops"))
    reads = (f"$hflc({name})", f"$hflc({name})", f"$(hfl({name})[-1])")

    assert [newer.get_s(read) for read in reads] == ["0", "2", "<sip:b@x>"]


@pytest.mark.parametrize(("name", "count"), [("P-Asserted-Identity", "3"), ("P-Preferred-Identity", "2")])
def test_no_third_header_is_parsed_for_the_list_of_preferred_identities(name: str, count: str) -> None:
    data = versions.message(*(f"{name}: <sip:{one}@x>" for one in "abc"))

    assert versions.both(f"$hflc({name})", data) == ["3", count]
