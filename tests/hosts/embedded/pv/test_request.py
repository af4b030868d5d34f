"""The request line; each answer is a Kamailio 5.6.3's, or a 6.0.1's where both are named."""

from __future__ import annotations

import pytest

from runner.calls import FAILED
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE, having


@pytest.mark.parametrize(
    ("uri", "part", "value"),
    [
        ("sip:1234;a=b@h;user=phone", "$rz", "tel"),
        ("sips:1234@h;user=phone", "$rz", "tel"),
        ("sip:u@h:", "$rp", ""),
        ("sip:u;x@h", "$rU", "u;x"),
        ("sip:u@h;maddr", "$rU", None),
        ("tel:+1;a=b", "$rU", "+1"),
        ("urn:service:sos", "$rd", "sos"),
    ],
)
def test_a_request_uri_is_split_as_parse_uri_does(host: MessageHost, uri: str, part: str, value: str | None) -> None:
    host.set_s("$ru", uri)

    assert host.get_s(part) == value


@pytest.mark.parametrize(
    ("uri", "name", "text", "written"),
    [
        ("sip:u:@h;", "$rU", "n", "sip:n:@h;"),
        ("sips:1;a=b@h;user=phone", "$rU", "2", "sip:2;a=b@h;user=phone"),
        ("tel:+1;a=b", "$rd", "h", "sip:+1;a=b@h;user=phone"),
        ("sip:u@h:5070?x=1", "$rp", "", "sip:u@h?x=1"),
    ],
)
def test_a_written_part_keeps_the_others_as_they_were(
    host: MessageHost, uri: str, name: str, text: str, written: str
) -> None:
    host.set_s("$ru", uri)
    host.set_s(name, text)

    assert host.get_s("$ru") == written


@pytest.mark.parametrize(
    ("expression", "older", "newer"),
    [
        ("$rz", "tel", "tels"),
    ],
)
def test_a_variable_of_6_0(expression: str, older: str | None, newer: str | None) -> None:
    assert versions.both(expression, versions.message(f"Contact: {versions.CONTACT}")) == [older, newer]


def test_a_sips_uri_with_user_phone_stays_sips_when_its_user_is_written() -> None:
    written = []
    for host in versions.hosts(versions.message()):
        host.set_s("$rU", "5")
        written.append(host.get_s("$ru"))

    assert written == ["sip:5;isub=1@example.com;user=phone", "sips:5;isub=1@example.com;user=phone"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$ru", "sip:bob@example.com"),
        ("$rU", "bob"),
        ("$rd", "example.com"),
        ("$rp", "5060"),
        ("$rm", "INVITE"),
    ],
)
def test_a_variable_reads_as_in_kamailio(host: MessageHost, name: str, value: str | None) -> None:
    assert host.get_s(name) == value


def test_a_part_of_the_request_uri_is_seen_at_once(host: MessageHost) -> None:
    assert host.set_s("$rU", "carol") == 0

    assert host.get_s("$ru") == "sip:carol@example.com"


@pytest.mark.parametrize(("line", "number"), [(b"invite", 1), (b"Get", 32768), (b"DELETE", 262144), (b"FOO", 524288)])
def test_the_number_of_a_method_does_not_depend_on_its_case(line: bytes, number: int) -> None:
    host = MessageHost(MESSAGE.replace(b"INVITE", line, 1))

    assert (host.get_s("$rm"), host.get_i("$rmid")) == (line.decode(), number)


@pytest.mark.parametrize(
    ("name", "others"),
    [("$rU", len("sip:@example.com")), ("$rd", len("sip:bob@")), ("$rp", len("sip:bob@example.com:"))],
)
def test_a_part_that_makes_the_request_uri_longer_than_1024_bytes_is_refused(
    host: MessageHost, name: str, others: int
) -> None:
    assert host.set_s(name, "1" * (1025 - others)) == FAILED
    assert host.get_s("$ru") == "sip:bob@example.com"
    assert host.set_s(name, "1" * (1023 - others)) == 0
    assert host.get_i("$ml") == len(MESSAGE)
    assert len(host.message_bytes()) == len(MESSAGE) + 1023 - len("sip:bob@example.com")


def test_a_whole_request_uri_or_destination_may_have_any_length(host: MessageHost) -> None:
    uri = "sip:" + "h" * 20000

    assert (host.set_s("$ru", uri), host.get_s("$ru")) == (0, uri)
    assert (host.set_s("$du", uri), host.get_s("$du")) == (0, uri)
    assert host.modf("append_branch") == -1


def test_a_part_may_make_the_request_uri_1024_bytes_long(host: MessageHost) -> None:
    rest = len("sip:@example.com")

    assert (host.set_s("$rU", "v" * (1024 - rest)), len(host.get_s("$ru") or "")) == (0, 1024)
    assert (host.set_s("$rU", "v" * (1025 - rest)), len(host.get_s("$ru") or "")) == (-1, 1024)


@pytest.mark.parametrize(("size", "is_taken"), [(1024, True), (1025, False)])
def test_a_received_request_uri_may_be_longer_than_1024_bytes_until_a_part_is_written(
    size: int, *, is_taken: bool
) -> None:
    uri = b"sip:" + b"v" * (size - len("sip:@h")) + b"@h"
    host = having(MESSAGE.replace(b"sip:bob@example.com", uri, 1))

    assert (host.get_i("$(ru{s.len})"), host.get_i("$(rU{s.len})")) == (size, size - len("sip:@h"))
    assert uri in (host.forwarded() or b"")
    assert (host.set_s("$rd", "h"), host.set_s("$rU", "x"), host.get_s("$ru")) == (0 if is_taken else -1, 0, "sip:x@h")
