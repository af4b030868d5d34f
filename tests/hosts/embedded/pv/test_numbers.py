"""Numbers in names, indexes, headers and sockets, of any length and with odd digits, as a Kamailio 5.6.3 reads them."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost

MAIN = Socket(Address("127.0.0.1", 5100), "main")
ALT = Socket(Address("127.0.0.1", 5101), "alt", Address("203.0.113.5", 5070))
ENVIRONMENT = Environment((MAIN, ALT), variables={"N": "1abc", "PLUS": "+1", "LONG": "9" * 5000, "ZEROS": "042"})
ZEROS, NINES = "0" * 5000, "9" * 5000


def message(length: str = "0", cseq: str = "1 INVITE") -> MessageHost:
    lines = ["INVITE sip:bob@example.com SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"]
    lines += ["From: <sip:alice@example.org>;tag=a1", "To: <sip:bob@example.com>", "Call-ID: c1", f"CSeq: {cseq}"]
    lines += ["X-A: one", "X-A: two", f"Content-Length: {length}", "", ""]
    return MessageHost("\r\n".join(lines).encode("latin-1"), received_on=MAIN, environment=ENVIRONMENT)


@pytest.fixture
def host() -> MessageHost:
    return message()


def test_a_content_length_may_have_any_number_of_zeros() -> None:
    assert [message(ZEROS + end).get_i("$cl") for end in ("", "7")] == [0, 7]
    assert [message(ZEROS + end).modf("has_body") for end in ("", "7")] == [-1, 1]


def test_a_right_content_length_of_a_reply_stays_whatever_its_zeros() -> None:
    lines = ["SIP/2.0 200 OK", "Via: SIP/2.0/UDP 127.0.0.1:5100;branch=z9hG4bK2"]
    lines += ["Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1", "From: <sip:a@b>;tag=a1", "To: <sip:b@b>;tag=b1"]
    lines += ["Call-ID: c1", "CSeq: 1 INVITE", f"Content-Length: {ZEROS}4", "", "body"]

    sent = MessageHost("\r\n".join(lines).encode(), received_on=MAIN, environment=ENVIRONMENT).forwarded()

    assert sent is not None
    assert f"Content-Length: {ZEROS}4\r\n".encode() in sent


@pytest.mark.parametrize("odd", ["\v", "\f", "\x85", "\xa0"])
def test_only_blanks_separate_the_words_of_a_cseq(odd: str) -> None:
    host = message(cseq=f"1 INVITE{odd}X")

    assert host.context.message.cseq == (b"1", f"INVITE{odd}X".encode("latin-1"))
    assert message(cseq=f"1{odd}2 INVITE").context.message.cseq == (f"1{odd}2".encode("latin-1"), b"INVITE")


@pytest.mark.parametrize(
    ("index", "value"),
    [
        ("4294967297", "two"),
        (NINES, "two"),  # -1 in 32 bits
        (ZEROS + "1", "two"),
        ("-" + NINES, "two"),  # 1
        ("2147483648", None),
        ("-2147483648", None),
        ("-0", "one"),
        ("-", "one"),
        ("+", None),
        ("+1", None),
        ("0x1", None),
        ("²", None),
        ("\u0661", None),
    ],
)
def test_an_index_is_added_up_in_32_bits(host: MessageHost, index: str, value: str | None) -> None:
    assert host.get_s(f"$(hdr(X-A)[{index}])") == value


def test_the_least_index_reads_the_first_value_of_an_avp(host: MessageHost) -> None:
    for value in ("old", "new"):
        host.set_s("$avp(x)", value)

    assert [host.get_s(f"$(avp(x)[{index}])") for index in ("-2147483648", "2147483648")] == ["new", "new"]
    assert [host.get_s(f"$(avp(x)[{index}])") for index in ("-2147483647", "-2", "-1")] == [None, "new", None]


@pytest.mark.parametrize(
    ("name", "is_null"),
    [
        ("$avp(i:5)", 1),
        ("$avp(i:+5)", 1),
        (f"$avp(i:{ZEROS}5)", 1),
        ("$avp(i:4294967295)", 1),
        ("$avp(i:4294967296)", -1),
        (f"$avp(i:{NINES})", -1),
        ("$avp(i:-5)", -1),
        ("$avp(i:²)", -1),
        (f"$xavp(a[{NINES}]=>b)", 1),
        (f"$xavp(a=>b[{ZEROS}1])", 1),
        ("$msgbuf(+5)", 0),
        (f"$msgbuf(-{ZEROS})", 0),
        ("$msgbuf(2147483648)", -1),
        (f"$msgbuf({NINES})", -1),
        ("$Mf(-0)", 0),
        ("$Mf(+31)", 0),
        ("$Mf(32)", -1),
        ("$Mf(-1)", -1),
        (f"$Sf({NINES})", -1),
        ("$Bf(²)", -1),
    ],
)
def test_a_number_as_a_name_fits_32_bits(host: MessageHost, name: str, is_null: int) -> None:
    assert host.is_null(name) == is_null


def test_a_number_as_a_name_is_the_same_whichever_way_it_is_written(host: MessageHost) -> None:
    host.set_s("$avp(i:4294967295)", "v")
    host.set_i("$var(n)", -1)

    assert host.get_s("$avp($var(n))") == "v"


def test_zero_and_an_empty_text_name_no_avp(host: MessageHost) -> None:
    host.set_i("$var(zero)", 0)
    host.set_s("$var(empty)", "")

    assert [host.set_s(f"$avp({name})", "v") for name in ("i:0", "i:+", "$var(zero)", "$var(empty)")] == [-1] * 4
    assert host.unset("$avp(i:0)") == 0


def test_a_negative_length_of_a_piece_is_malformed_also_when_written_with_many_digits(host: MessageHost) -> None:
    assert host.set_s("$(var(x){s.substr,0,1})", "v") == 0
    assert host.set_s("$(var(x){s.substr,0,%s})" % ("9" * 50), "v") == -1


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [("N", "1abc", 1), ("PLUS", "+1", 1), ("LONG", NINES, 2147483647), ("ZEROS", "042", 42), ("UNSET", None, 0)],
)
def test_a_variable_of_the_environment_has_the_number_in_front(
    host: MessageHost, name: str, text: str | None, number: int
) -> None:
    assert (host.get_s(f"$envn({name})"), host.get_i(f"$envn({name})")) == (text, number)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("127.0.0.1", "udp:127.0.0.1:5100"),
        ("127.0.0.1:+5101", "udp:127.0.0.1:5101"),
        ("127.0.0.1: 5101", "udp:127.0.0.1:5101"),
        (f"UDP:127.0.0.1:{ZEROS}5101", "udp:127.0.0.1:5101"),
        ("127.0.0.1:70637", "udp:127.0.0.1:5101"),  # 16 bits
        ("[127.0.0.1]:5101", "udp:127.0.0.1:5101"),
        ("203.0.113.5:5070", "udp:127.0.0.1:5101"),
        ("203.0.113.5", "udp:127.0.0.1:5101"),
    ],
)
def test_a_socket_is_found_by_address_and_port(host: MessageHost, name: str, found: str) -> None:
    assert (host.set_s("$fs", name), host.get_s("$fs")) == (0, found)


@pytest.mark.parametrize("name", ["127.0.0.1:5109", f"127.0.0.1:{NINES}", "udp:5101", "tcp:127.0.0.1:5101", "[::1"])
def test_a_socket_that_nobody_has_changes_nothing(host: MessageHost, name: str) -> None:
    assert (host.set_s("$fs", name), host.is_null("$fs")) == (0, 1)


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1:\udcb2",
        "udp:127.0.0.1:\udcb2",
        "udp:127.0.0.1:\u0661",
        "udp:127.0.0.1:0x10",
        "udp:127.0.0.1:5101 ",
        "127.0.0.1:",
        "127.0.0.1:5101:udp",
        "[[x]]",
        "a]",
        "none:127.0.0.1:5101",
        "sctp:127.0.0.1:5101",  # is not switched on where no socket has it
        "ws:127.0.0.1:5101",
    ],
)
def test_a_malformed_socket_is_refused(host: MessageHost, name: str) -> None:
    assert (host.set_s("$fs", name), host.set_s("$sbranch(send_socket)", name)) == (-1, -1)


@pytest.mark.parametrize(("port", "value"), [("4294967295", "4294967295"), ("4294967296", None), (NINES, None)])
def test_the_port_of_a_socket_text_fits_32_bits(host: MessageHost, port: str, value: str | None) -> None:
    host.set_s("$var(x)", f"udp:192.0.2.1:{port}")

    assert host.get_s("$(var(x){sock.port})") == value


@pytest.mark.parametrize(
    ("address", "own"),
    [("192.0.2.01", "127.0.0.1"), ("1.2.3.", "127.0.0.1"), ("1.2.3.99999", "127.0.0.1"), ("[192.0.2.1]", None)],
)
def test_an_address_of_ipv4_has_three_dots_and_any_digits(host: MessageHost, address: str, own: str | None) -> None:
    host.set_s("$ru", f"sip:a@{address}")

    assert host.get_s("$sel(next_hop.src_ip)") == own
