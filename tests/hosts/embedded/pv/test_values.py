"""Where a value's text lives shows in a few places; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost

MESSAGE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1 , SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\r\n"
    b"From: <sip:alice@example.org>;tag=a1\r\n"
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"X-Custom: one\r\n"
    b"Content-Length: 146\r\n\r\n"
)


@pytest.fixture
def host() -> MessageHost:
    return MessageHost(MESSAGE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$(hdr(X-Custom){s.encode.7bit})", "6F77B9"),
        ("$(cl{s.encode.7bit})", "319AAD"),
        ("$(cs{s.decode.7bit})", "Y"),
    ],
)
def test_seven_bit_packing_reads_the_byte_behind_a_piece_of_the_message(
    host: MessageHost, name: str, value: str
) -> None:
    assert host.get_s(name) == value


def test_a_parameter_writes_over_a_printed_number_but_not_over_a_header(host: MessageHost) -> None:
    host.set_i("$var(n)", 1)
    host.set_i("$var(v)", 2147483647)

    assert (host.get_s("$(var(v){s.strip,$var(n)})"), host.get_s("$(cl{s.strip,$var(n)})")) == ("147483641", "46")


def test_the_comma_behind_a_via_belongs_to_it(host: MessageHost) -> None:
    assert (host.get_s("$(hfl(Via)[0])"), host.get_s("$(hfl(Via)[1])")) == (
        "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1 ,",
        "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2",
    )


@pytest.mark.parametrize(
    ("name", "is_null"), [("$xavp(x[0)", 0), ("$xavp(x[)", -1), ("$xavp(x[0]z)", 0), ("$xavp(x[a])", -1)]
)
def test_the_end_of_an_xavps_name_closes_its_bracket(host: MessageHost, name: str, is_null: int) -> None:
    host.set_s("$xavp(x)", "v")

    assert host.is_null(name) == is_null


def test_any_text_names_an_xavu(host: MessageHost) -> None:
    assert (host.set_s("$xavu(x[0)", "v"), host.get_s("$xavu(x[0)"), host.is_null("$xavu(x=>)")) == (0, "v", -1)


def test_an_xavp_without_values_left_shows_no_address(host: MessageHost) -> None:
    host.set_s("$xavp(w=>a)", "v")
    host.unset("$xavp(w=>a)")

    assert host.get_s("$xavp(w)") == "<<xavp:(nil)>>"


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
    ("header", "name", "value"),
    [
        (b'P-Charging-Vector: icid-value=abc;orig-ioi="h.x"', "$pcv(all)", 'icid-value=abc;orig-ioi="h.x"'),
        (b'P-Charging-Vector: icid-value=abc;orig-ioi="h.x"', "$pcv(orig)", '"h.x"'),
        (b"P-Charging-Vector: xicid-value=a;term-ioi=t", "$pcv(value)", "a"),
        (b"P-Charging-Vector: term-ioi=t", "$pcv(term)", None),
        (b"p-charging-vector: icid-value=abc", "$pcv(value)", None),
    ],
)
def test_a_charging_vector_is_searched_as_text(header: bytes, name: str, value: str | None) -> None:
    assert MessageHost(MESSAGE.replace(b"X-Custom: one", header)).get_s(name) == value


@pytest.mark.parametrize(
    ("name", "value", "is_null"),
    [
        ("$lsock(n/ALT/listen)", "udp:127.0.0.1:5101", 0),
        ("$lsock(n/alt/advertise)", "udp:203.0.113.5:5070", 0),
        ("$lsock(l/udp:127.0.0.1:5100/name)", "main", 0),
        ("$lsock(i/1/name)", "main", 0),
        ("$lsock(n/nope/listen)", None, 1),
        ("$lsock(n/main/l)", None, -1),
    ],
)
def test_a_listening_socket_is_found_by_what_is_known_of_it(name: str, value: str | None, is_null: int) -> None:
    sockets = (
        Socket(Address("127.0.0.1", 5100), "main"),
        Socket(Address("127.0.0.1", 5101), "alt", Address("203.0.113.5", 5070)),
    )
    host = MessageHost(MESSAGE, received_on=sockets[0], environment=Environment(sockets))

    assert (host.get_s(name), host.is_null(name)) == (value, is_null)


def test_colours_are_escape_sequences(host: MessageHost) -> None:
    assert (host.get_s("$C(Rx)"), host.get_s("$C(sw)"), host.is_null("$C(rR)")) == (
        "\x1b[1;31;49m",
        "\x1b[0;30;47m",
        -1,
    )


def test_nothing_iterates_over_a_hash_table_and_nothing_expired(host: MessageHost) -> None:
    assert (host.is_null("$shtitkey(i)"), host.is_null("$shtrecord(key)")) == (1, -1)


@pytest.mark.parametrize(
    ("headers", "name", "value"),
    [
        (b"Expires: x9", "$expires(max)", "0"),
        (b"Expires: 12345678901", "$expires(max)", "0"),
        (b"Contact: <sip:a@h>;expires=5,<sip:b@h>\r\nExpires: 60", "$expires(min)", "5"),
        (b"Contact: <sip:a@h>;q=0.5,<sip:b@h>;q=1", "$sel(contact.q)", "1"),
        (b"Contact: *", "$sel(contact.name)", None),
        (b"Record-Route: sip:bare@r", "$hfl(Record-Route)", None),
    ],
)
def test_lists_of_addresses_are_read_as_their_parsers_do(headers: bytes, name: str, value: str | None) -> None:
    assert MessageHost(MESSAGE.replace(b"X-Custom: one", headers)).get_s(name) == value


def test_a_byte_of_the_first_line_can_be_written_whatever_becomes_of_it(host: MessageHost) -> None:
    assert (host.set_s("$msgbuf(6)", "X"), host.get_s("$msgbuf(6)")) == (0, "X\0")


@pytest.mark.parametrize(
    ("name", "text", "number"),
    [("A", "12abc", 12), ("B", "-7 ", -7), ("C", "env value", 0), ("D", "3000000000", 2147483647), ("E", "", 0)],
)
def test_an_environment_variable_and_a_define_have_the_number_they_begin_with(
    name: str, text: str, number: int
) -> None:
    texts = {name: text}
    host = MessageHost(MESSAGE, environment=Environment(defines=texts, variables=texts))

    assert [(host.get_s(f"${kind}({name})"), host.get_i(f"${kind}({name})")) for kind in ("envn", "defn")] == [
        (text, number)
    ] * 2


def test_a_missing_environment_variable_is_null_and_a_missing_define_is_0(host: MessageHost) -> None:
    assert (host.get_s("$envn(X)"), host.is_null("$envn(X)"), host.get_s("$defn(X)")) == (None, 1, "0")


def test_the_socket_of_what_is_sent_has_no_other_parts(host: MessageHost) -> None:
    assert [host.is_null(f"$sndto({part})") for part in ("ip", "sproto", "sip", "sport", "x")] == [1, 1, -1, -1, -1]


_REFUSED_NOWHERE = ("s.int", "s.ftime,%Y", "s.escape.csv", "s.escape.param", "s.unescape.user", "s.urlencode.param")


@pytest.mark.parametrize("of", ["adc", "ad", "var(v){param.value,a}", "var(v){param.valueat,0}", "ru{uri.param,x}"])
def test_empty_text_that_stands_nowhere_is_refused_by_what_looks_for_it(of: str) -> None:
    digest = b'Authorization: Digest username="u",realm="",nonce=x\r\n'
    host = MessageHost(MESSAGE.replace(b"X-Custom: one\r\n", digest).replace(b"example.com SIP", b"example.com;x SIP"))
    host.set_s("$var(v)", "a;b=")

    assert host.get_s(f"$({of})") == ""
    assert [host.get_s(f"$({of}{{{name}}})") for name in _REFUSED_NOWHERE] == [None] * 6
    assert (host.get_s(f"$({of}{{s.unquote}}{{s.int}})"), host.get_s(f"$({of}{{s.len}})")) == (None, "0")


@pytest.mark.parametrize("of", ["ar", "var(e)", "var(v){param.value,b}", "var(v){param.value,c}"])
def test_empty_text_that_stands_somewhere_is_a_text(of: str) -> None:
    digest = b'Authorization: Digest username="u",realm="",nonce=x\r\n'
    host = MessageHost(MESSAGE.replace(b"X-Custom: one\r\n", digest))
    host.set_s("$var(e)", "")
    host.set_s("$var(v)", "a;b=")

    assert (host.get_s(f"$({of}{{s.int}})"), host.get_s(f"$({of}{{s.escape.csv}})")) == ("", '""')


@pytest.mark.parametrize(("size", "is_null"), [(1012, 0), (1013, 1)])
def test_an_account_of_more_than_1024_bytes_is_null(size: int, is_null: int) -> None:
    host = MessageHost(MESSAGE.replace(b"alice", b"u" * size))

    assert (host.is_null("$Au"), len(host.get_s("$AU") or "")) == (is_null, size)


def test_the_host_of_the_next_hop_is_an_address_as_kamailio_reads_them() -> None:
    hosts = ("6...", "192.0.2.1", "[2001:db8::1]", "1.2.3", "b.example")

    assert [
        MessageHost(MESSAGE.replace(b"example.com SIP", host.encode() + b" SIP")).get_s("$nh(i)") for host in hosts
    ] == ["4", "4", "6", "0", "0"]


def test_one_byte_has_no_line_to_break_however_far_it_would_be_indented(host: MessageHost) -> None:
    assert host.get_s("$(fU{s.select,1,l}{s.strip,2}{s.fmtlines,5,99999})") == "e"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$(fU{line.count}{s.replace,$var(b),x})", "x"),
        ("$(fU{line.count}{s.substr,$var(b),2})", "0"),
        ("$(fU{line.count}{s.int})", "1"),
        ("$(true{s.replace,$var(b),x})", "1"),
        ("$(true{s.substr,$var(b),2})", "1"),
    ],
)
def test_a_count_of_lines_is_printed_and_true_is_not(host: MessageHost, name: str, value: str) -> None:
    host.set_i("$var(b)", 0)

    assert host.get_s(name) == value


@pytest.mark.parametrize("uri", [b"sip:e;TRANSPORT=tls", b"sips:e", b"tel:1;transport=tls"])
def test_the_port_of_the_next_hop_is_5060_whatever_its_transport(uri: bytes) -> None:
    host = MessageHost(MESSAGE.replace(b"sip:bob@example.com SIP", uri + b" SIP"))

    assert (host.get_s("$nh(p)"), host.get_i("$nh(p)")) == ("5060", 0)


def test_a_value_in_a_list_has_a_name(host: MessageHost) -> None:
    kinds = ("$xavp({})", "$xavi({})", "$xavu({})")

    assert [host.set_s(kind.format(" "), "v") for kind in kinds] == [-1, -1, -1]
    assert [host.set_s(kind.format("=>a"), "v") for kind in kinds] == [0, 0, -1]
    assert [host.is_null(kind.format("=>a")) for kind in kinds] == [1, 1, 1]
    assert [host.unset("$xavp(a=>[0])"), host.is_null("$xavp(a=>[0])"), host.set_s("$xavp(a=>[0])", "v")] == [0, 1, -1]


def test_in_a_list_that_was_emptied_the_outer_one_is_searched(host: MessageHost) -> None:
    host.set_s("$xavp(b)", "outer")
    host.set_s("$xavp(a=>b)", "inner")
    host.unset("$xavp(a=>b)")

    assert (host.get_s("$xavp(a=>b)"), host.get_s("$xavp(a=>c)")) == ("outer", None)


def test_the_account_of_a_caller_without_a_user_stands_nowhere() -> None:
    host = MessageHost(MESSAGE.replace(b"<sip:alice@example.org>", b"<sip:example.org>"))

    assert (host.get_s("$AU"), host.get_s("$(AU{s.int})")) == ("", None)


@pytest.mark.parametrize(
    ("proto", "is_known"), [("udp", 1), ("TCP", 1), ("tls", 0), ("sctp", 0), ("ws", 0), ("sip", 0)]
)
def test_a_socket_in_text_has_a_transport_of_this_server(host: MessageHost, proto: str, is_known: int) -> None:
    host.set_s("$var(v)", f"{proto}:a.example:5060")

    assert host.get_s("$(var(v){sock.proto})") == (proto if is_known else None)


def test_a_server_with_a_socket_for_tls_knows_it() -> None:
    host = MessageHost(MESSAGE, environment=Environment(sockets=(Socket(Address("127.0.0.1", 5061, "tls")),)))
    host.set_s("$var(v)", "TLS:a.example")

    assert host.get_s("$(var(v){sock.touri})") == "sip:a.example;transport=TLS"


def test_an_odd_last_digit_is_not_even_looked_at(host: MessageHost) -> None:
    host.set_s("$var(v)", "70 ")

    assert (host.get_s("$(var(v){s.decode.hexa})"), host.get_s("$(var(v){s.fmtlines,1,2147483647})")) == ("p", "70 ")


def test_a_second_number_writes_over_the_first_one_that_is_looked_for(host: MessageHost) -> None:
    host.set_s("$var(v)", "a:5080")
    host.set_i("$var(i)", 5)
    host.set_i("$var(j)", 190)

    assert host.get_s("$(var(v){s.replace,$var(i),$var(j)})") == "a:51908190"


def test_a_piece_whose_end_is_beyond_32_bits_fails(host: MessageHost) -> None:
    names = ("0,2147483647", "1,2147483647", "-1,2147483647")

    assert [host.get_s(f"$(fU{{s.substr,{name}}})") for name in names] == ["alice", None, "e"]


@pytest.mark.parametrize(("weight", "read", "listed"), [(-1, None, "sip:x@y"), (-2, "-2", "<sip:x@y>;q=0")])
def test_a_weight_of_minus_one_is_none(host: MessageHost, weight: int, read: str | None, listed: str) -> None:
    assert (host.set_s("$br", "sip:x@y"), host.set_i("$branch(q)", weight)) == (0, 0)
    assert (host.get_s("$branch(q)"), host.get_s("$bR")) == (read, listed)
