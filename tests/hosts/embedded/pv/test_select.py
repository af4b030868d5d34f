"""How a select is written, and how its names are walked; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost
from runner.hosts.embedded.pv.select import parse_name, spelled
from runner.hosts.embedded.value import CannotEvaluate
from tests.hosts.embedded.reading import is_unknown

MESSAGE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.5\r\n"
    b"Via: SIP/2.0/TCP h.example, SIP/2.0/TLS [2001:db8::1]:5061\r\n"
    b'From: "Alice" <sip:alice@example.org>;tag=t1\r\n'
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Content-Length: 0\r\n\r\n"
)


@pytest.fixture
def host() -> MessageHost:
    return MessageHost(MESSAGE)


@pytest.mark.parametrize(
    "select", ["@from.uri", "FROM.Uri", 'from["uri"]', r"from[\"uri\"]", "from.uri-and more", "f.uri."]
)
def test_a_select_is_names_with_dots_and_what_follows_them_is_ignored(host: MessageHost, select: str) -> None:
    assert host.get_s(f"$sel({select})") == "sip:alice@example.org"


@pytest.mark.parametrize("select", ['from.["uri"]', "from..uri", "from.1"])
def test_only_a_letter_behind_a_dot_begins_another_name(host: MessageHost, select: str) -> None:
    assert host.get_s(f"$sel({select})") == host.get_s("$sel(from)")


@pytest.mark.parametrize("select", ["1from", "from[", "from[uri]", "from[1", 'from["uri]', "a", "from.uri[1]", "@"])
def test_a_malformed_or_unknown_select_is_an_unknown_variable(host: MessageHost, select: str) -> None:
    assert is_unknown(host, select)


@pytest.mark.parametrize("select", ["src", "branch", "cfg_get.core", "authorization", "via.params", "tm.uac[0]"])
def test_a_select_that_needs_another_name_is_unknown_without_it(host: MessageHost, select: str) -> None:
    assert is_unknown(host, select)


def test_a_select_has_at_most_thirty_one_names_and_a_bracket() -> None:
    with pytest.raises(CannotEvaluate, match="unknown select"):
        parse_name(b".".join([b"x"] * 31) + b"[1]")
    with pytest.raises(CannotEvaluate, match="too many names"):
        parse_name(b".".join([b"x"] * 32))


def test_a_number_is_held_within_64_bits_and_cut_to_32(host: MessageHost) -> None:
    hosts = [host.get_s(f"$sel(via[{number}].host)") for number in ("4294967298", "99999999999999999999", "-")]

    assert hosts == ["h.example", "[2001:db8::1]", None]


def test_a_select_is_transformed_like_any_variable(host: MessageHost) -> None:
    assert host.get_s("$(sel(from.uri){uri.host})") == "example.org"
    assert host.is_null("$(sel(rpid.uri){s.len})") == -1
    assert (host.get_i("$sel(msg.type)"), host.set_s("$sel(ruri)", "x")) == (0, 0)


def test_every_select_of_the_list_resolves() -> None:
    titles = {"<uri>": "ruri", "<name-addr>": "msg.header.x.nameaddr", "<params>": "msg.header.x"}
    # What stands for a name may be restricted: a line of SDP, a setting.
    names = {"line.NAME": "line.m", "cfg_get.NAME.NAME": "cfg_get.core.debug", "cfg_selected.NAME": "cfg_selected.core"}
    for select in spelled():
        text = select.text
        for placeholder, example in (titles | names).items():
            text = text.replace(placeholder, example)

        assert parse_name(text.replace("(", "").replace(")", "").replace("[n]", "[1]").encode()), select.text
