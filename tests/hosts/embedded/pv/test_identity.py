"""P-Asserted-Identity, P-Preferred-Identity and Diversion, as a Kamailio 5.6.3 answered for the same headers."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE, with_headers

ELEVEN = "P-Asserted-Identity: " + ", ".join(f"<sip:{number}@a>" for number in range(11))


@pytest.mark.parametrize(
    ("header", "name", "value"),
    [
        ('P-Asserted-Identity: "A, B" <sip:a@b>, sip:c@d;x=1 , <tel:+1>', "$ai", "sip:a@b"),
        ('P-Asserted-Identity: "A, B" <sip:a@b>, sip:c@d;x=1 , <tel:+1>', "$(ai[1])", "sip:c@d"),
        ('P-Asserted-Identity: "A, B" <sip:a@b>, sip:c@d;x=1 , <tel:+1>', "$(ai[2])", "tel:+1"),
        ("P-Asserted-Identity: <sip:a@b>,\r\n <sip:c@d>", "$(ai[1])", "sip:c@d"),
        ("P-Asserted-Identity: <sip:a@b>\r\nP-Asserted-Identity: sip:c@d", "$(ai[1])", "sip:c@d"),
        ("P-Asserted-Identity: sip:a@b, sip:c@d  ", "$(ai[1])", "sip:c@d  "),
        ("P-Asserted-Identity: <sip:a@b>,", "$ai", None),
        ("P-Asserted-Identity: Bond, James <sip:a@b>", "$ai", "Bond"),
        ("P-Asserted-Identity: Mr Bond, James <sip:a@b>", "$ai", None),
        (ELEVEN, "$(ai[9])", "sip:9@a"),
        (ELEVEN, "$(ai[10])", None),
        ('P-Preferred-Identity: "A" <sip:a@b>, C D<sip:c@d>', "$pn", '"A"'),
        ('P-Preferred-Identity: "A" <sip:a@b>, C D<sip:c@d>', "$(pn[1])", "C D"),
        ('P-Preferred-Identity: "A" <sip:a@b>, C D<sip:c@d>', "$(pU[1])", "c"),
        ("P-Preferred-Identity: sip:a@b, nonsense here", "$pu", None),
    ],
)
def test_the_addresses_of_an_identity_are_parsed(header: str, name: str, value: str | None) -> None:
    assert with_headers(header).get_s(name) == value


def test_a_second_read_has_what_stood_in_front_of_a_header_that_does_not_parse() -> None:
    one = with_headers("P-Asserted-Identity: <sip:1@a.example>", "P-Asserted-Identity: oops oops oops")

    assert [one.get_s(name) for name in ("$ai", "$ai", "$(ai[1])")] == [None, "sip:1@a.example", None]


def test_a_rebuilt_message_is_parsed_again() -> None:
    one = with_headers("P-Asserted-Identity: <sip:1@a.example>", "P-Asserted-Identity: oops oops oops")

    assert (one.get_s("$ai"), one.modf("msg_apply_changes"), one.get_s("$ai")) == (None, 1, None)


def test_a_second_read_has_what_was_found_of_a_uri_that_does_not_parse() -> None:
    one = with_headers("P-Preferred-Identity: <sip:bob@example.com:65536>")

    assert [one.get_s(name) for name in ("$pU", "$pd", "$pU", "$pu")] == [
        None,
        "example.com",
        "bob",
        "sip:bob@example.com:65536",
    ]


@pytest.mark.parametrize(
    ("value", "uri", "reason", "privacy", "counter"),
    [
        (
            '"8"<sip:8@192.0.2.5:5060>;reason=unconditional;counter=1,"4"<sip:4@192.0.2.5:5060>;reason=unknown',
            "sip:8@192.0.2.5:5060",
            "unconditional",
            None,
            "1",
        ),
        (
            "\r\n   <sip:u2@example.com>;reason=user-busy;privacy=full,\r\n   <sip:u1@example.com>;reason=no-answer",
            "sip:u2@example.com",
            "user-busy",
            "full",
            None,
        ),
        ("<sip:a@example.com>;REASON=Follow-Me", "sip:a@example.com", None, None, None),
        ("<sip:a@example.com>;reason", "sip:a@example.com", "", None, None),
        ('<sip:a@b>;reason="x;y";reason=z;counter=', "sip:a@b", "x;y", None, ""),
        ("<sip:a@b>;reason=x;", None, None, None, None),
        ("sip:a@b;reason=x", "sip:a@b", "x", None, None),
    ],
)
def test_the_first_diversion_has_its_parameters(
    value: str, uri: str | None, reason: str | None, privacy: str | None, counter: str | None
) -> None:
    one = with_headers(f"Diversion: {value}")

    assert [one.get_s(name) for name in ("$di", "$dir", "$dip", "$dic")] == [uri, reason, privacy, counter]


@pytest.mark.parametrize(("size", "is_null"), [(1012, 0), (1013, 1)])
def test_an_account_of_more_than_1024_bytes_is_null(size: int, is_null: int) -> None:
    host = MessageHost(MESSAGE.replace(b"alice", b"u" * size))

    assert (host.is_null("$Au"), len(host.get_s("$AU") or "")) == (is_null, size)


def test_the_account_of_a_caller_without_a_user_stands_nowhere() -> None:
    host = MessageHost(MESSAGE.replace(b"<sip:alice@example.org>", b"<sip:example.org>"))

    assert (host.get_s("$AU"), host.get_s("$(AU{s.int})")) == ("", None)


def test_every_diversion_has_to_parse() -> None:
    assert versions.both("$di", versions.message("Diversion: <sip:a@x>, , <sip:b@x>")) == ["sip:a@x", None]
    assert versions.both("$di", versions.message("Diversion: <sip:a@x>", "x y: 1")) == ["sip:a@x", None]


@pytest.mark.parametrize("second", ["Diversion: oops oops oops", "x y: 1"])
def test_a_second_read_has_the_diversions_in_front_of_what_does_not_parse(second: str) -> None:
    data = versions.message("Diversion: <sip:a@x>;reason=busy", second)
    older, newer = ([host.get_s(name) for name in ("$dir", "$dir", "$di")] for host in versions.hosts(data))

    assert (older, newer) == (["busy", "busy", "sip:a@x"], [None, "busy", "sip:a@x"])
