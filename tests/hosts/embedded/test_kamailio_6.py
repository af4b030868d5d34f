"""What Kamailio 6.0 answers otherwise than 5.6. Each value is what a real 5.6.3 and a real 6.0.1 gave."""

from __future__ import annotations

import pytest

from runner import sip
from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost
from runner.sip.uri import parse_uri, parse_uri_6

HERE = Socket(Address("127.0.0.1", 5100))
FIRST = "INVITE sips:+4930123;isub=1@example.com;user=phone SIP/2.0"
VIA = 'SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bKx;foo="a b";oc=20;oc-algo="loss";oc-validity=500;oc-seq=5;bar'
CONTACT = '<sip:a@1.example>, "B" <sip:b@2.example>;q=0.5'


def message(*headers: str, first: str = FIRST, via: str = VIA, sender: str = "<sip:alice@example.com>") -> bytes:
    lines = (
        first,
        f"Via: {via}",
        f"From: {sender};tag=a1",
        "To: <sip:bob@example.com>",
        "Call-ID: 1",
        "CSeq: 1 INVITE",
    )
    return "".join(f"{line}\r\n" for line in (*lines, *headers, "")).encode()


def hosts(data: bytes, port: int = 5160) -> tuple[MessageHost, MessageHost]:
    """The same message in 5.6 and in 6.0."""
    older, newer = (
        MessageHost(
            data,
            source=Address("127.0.0.1", port),
            received_on=HERE,
            environment=Environment((HERE,), kamailio=version),
        )
        for version in ("5.6", "6.0")
    )
    return older, newer


def both(expression: str, data: bytes | None = None) -> list[str | None]:
    return [host.get_s(expression) for host in hosts(data or message())]


def transformed(text: str, chain: str) -> list[str | None]:
    values = []
    for host in hosts(message()):
        host.set_s("$var(q)", text)
        values.append(host.get_s(f"$(var(q){chain})"))
    return values


@pytest.mark.parametrize(
    ("expression", "older", "newer"),
    [
        ("$rz", "tel", "tels"),
        ("$ctu", None, "sip:a@1.example"),
        ("$cts", None, "0"),
        ("$via0(params)", None, VIA.partition(";")[2]),
        ("$via0(oc)", None, "2"),
        ("$via0(ocval)", None, "20"),
        ("$via0(oc-val)", None, "20"),
        ("$via0(ocalgo)", None, "loss"),
        ("$via0(ocvalidity)", None, "500"),
        ("$via0(oc-seq)", None, "5"),
        ("$K(IP4)", None, "2"),
        ("$K(IP6)", None, "10"),
        ("$En", None, "\n"),
        ("$Ek", None, "'"),
        ("$Ev", None, "`"),
        ("$atkv(gname)", None, None),
        ("$shvinc(s)", None, "1"),
        ("$version(num)", "5.6.3", "6.0.1"),
        ("$ksr(verval)", "5006003", "6000001"),
        ("$version(full)", "kamailio 5.6.3 (x86_64/linux) ", "kamailio 6.0.1 (x86_64/linux) "),
        ("$(hdr(X){val.n0})", None, "0"),
        ("$(hdr(X){val.ne})", None, ""),
        ("$(hdr(X){val.jsonqe})", None, '""'),
    ],
)
def test_a_variable_of_6_0(expression: str, older: str | None, newer: str | None) -> None:
    assert both(expression, message(f"Contact: {CONTACT}")) == [older, newer]


@pytest.mark.parametrize(
    ("text", "chain", "older", "newer"),
    [
        ("3000000000", "{s.int}", None, "3000000000"),
        ("9223372036854775808", "{s.int}", None, None),
        ("a b\tc", "{s.select,1,\1}", "", "b"),
        ("a\1b c", "{s.select,1,\1}", "b c", "b"),
        ("-5", "{s.ftime,%Y}", None, "1969"),
        ("4294967297", "{s.ftime,%Y}", None, "2106"),
        ("a\r\n b\r\n\tc\r\n", "{s.rmhdws}", None, "a b c"),
        ("\r\n \r\n x", "{s.rmhdws}", None, "  x"),
        ("a\r\n b\r\n\tc\r\n", "{s.rmhlws}", None, "abc"),
        ("a\nb\rc", "{s.escape.crlf}", None, "a\\nb\\rc"),
        ("", "{s.escape.crlf}", None, None),
        ("\\n\\r\\x\\", "{s.unescape.crlf}", None, "\n\r\\x\\"),
        ("a\\b\"c'd", "{val.json}", None, "a\\\\b\\\"c'd"),
        ("\x1f\x07", "{val.jsonqe}", None, '"\\u001f\\u0007"'),
        ("plain", "{val.jsonqe}", None, "plain"),
        ("x", "{val.n0}", None, "x"),
        ("abcdef", "{s.substr,4294967297,2}", "bc", "bc"),
        ("abcdef", "{s.substr,12884901888000000001,2}", "bc", None),
        ("a,b,c", "{param.count,,}", "1", "3"),
        ("urn:service:sos", "{uri.user}", "service", ""),
        ("urn:service:sos", "{uri.host}", "sos", "service:sos"),
        ("urn:a:b", "{uri.host}", "b", None),
        ("sip:u@h:5070", "{uri.saor}", "sip:\0u@h", "sip:u@h"),
        ("sip:u@h:5070", "{uri.duri}", "sip:\0h:5070", "sip:h:5070"),
    ],
)
def test_a_transformation_of_6_0(text: str, chain: str, older: str | None, newer: str | None) -> None:
    assert transformed(text, chain) == [older, newer]


@pytest.mark.parametrize(
    ("text", "user", "host"),
    [
        (b"urn:ab:b:c", b"", b"ab:b:c"),
        (b"urn:ab;x=1", b"", b"ab"),
        (b"urn:;ab", b"", b";ab"),
        (b"urn:ab:", b"", b"ab:"),
        (b"urn:[::1]:", b"", b"[::1]:"),
        (b"urn:a[::1]", b"", b"a[::1]"),
        (b"urn:ab;b:c@d", b"ab;b", b"d"),
        (b"urn:ab;x:1@y:2", b"ab;x", b"y:2"),
    ],
)
def test_the_host_of_a_urn_is_all_that_names_it(text: bytes, user: bytes, host: bytes) -> None:
    uri = parse_uri_6(text)

    assert uri is not None
    assert (uri.user, uri.host, uri.port) == (user, host, None)


@pytest.mark.parametrize(
    "text", [b"urn:a:b", b"urn:@ax", b"urn::b", b"urn:ab@b", b"urn:ab:b/c", b"urn:[::1]:5", b"urn:ab_b", b"urn:ab:b@c"]
)
def test_a_urn_that_is_no_host_does_not_parse(text: bytes) -> None:
    assert parse_uri_6(text) is None


def test_other_uris_are_read_as_before() -> None:
    for text in (b"sip:a@b;user=phone", b"sips:a@b:5;x=1", b"tel:+1;x=2", b"no uri", b""):
        assert parse_uri_6(text) == parse_uri(text)


def test_what_is_unknown_in_5_6_is_refused_there() -> None:
    older, newer = hosts(message(f"Contact: {CONTACT}"))

    assert [older.is_null("$ctu"), newer.is_null("$ctu")] == [-1, 0]
    assert [older.set_s("$ctu", "x"), newer.set_s("$ctu", "x")] == [-1, 0]
    assert [older.get_s("$_s(a $ctu)"), newer.get_s("$_s(a $ctu)")] == [None, "a sip:a@1.example"]


def test_a_shared_variable_counts_and_a_text_does_not() -> None:
    _, newer = hosts(message())
    newer.set_i("$shv(n)", 6)
    newer.set_s("$shv(t)", "text")

    assert [newer.get_i("$shvinc(n)"), newer.get_i("$shv(n)"), newer.get_i("$shvinc(t)")] == [7, 7, 0]
    assert newer.get_s("$shv(t)") == "text"


@pytest.mark.parametrize(
    ("sender", "older", "newer"),
    [
        ("sip:f@x", "From: New sip:f@x;tag=a1", "From: New <sip:f@x>;tag=a1"),
        ("<sip:f@x>", "From: New <sip:f@x>;tag=a1", "From: New <sip:f@x>;tag=a1"),
    ],
)
def test_a_display_name_puts_the_uri_into_brackets(sender: str, older: str, newer: str) -> None:
    for host, line in zip(hosts(message(sender=sender)), (older, newer), strict=True):
        host.set_s("$fn", "New")

        assert line in host.message_bytes().decode()


def test_a_sips_uri_with_user_phone_stays_sips_when_its_user_is_written() -> None:
    written = []
    for host in hosts(message()):
        host.set_s("$rU", "5")
        written.append(host.get_s("$ru"))

    assert written == ["sip:5;isub=1@example.com;user=phone", "sips:5;isub=1@example.com;user=phone"]


@pytest.mark.parametrize(
    ("via", "older", "newer"),
    [
        ("h;branch=z;x=1;y", "h;branch=z;x=1;y;received=127.0.0.1", "h;branch=z;received=127.0.0.1;x=1;y"),
        ("h;x=1", "h;x=1;received=127.0.0.1", "h;x=1;received=127.0.0.1"),
        (
            "h;branch=z;rport;x=1",
            "h;branch=z;rport=5162;x=1;received=127.0.0.1",
            "h;branch=z;rport=5162;received=127.0.0.1;x=1",
        ),
    ],
)
def test_received_of_a_reply_follows_rport_or_branch(via: str, older: str, newer: str) -> None:
    for host, line in zip(hosts(message(via=f"SIP/2.0/UDP {via}"), 5162), (older, newer), strict=True):
        reply = host.reply(200, "OK")

        assert reply is not None
        assert f"Via: SIP/2.0/UDP {line}\r\n".encode() in reply


def test_functions_of_6_0() -> None:
    older, newer = hosts(message("a bad header"))
    names = ("is_sip", "is_http", "sip_parse_headers", "t_exists")

    assert [older.modf(name) for name in names] == [-127] * 4
    assert [newer.modf(name) for name in names] == [1, -1, -1, -1]


LISTS = (
    f"Contact: {CONTACT}",
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
        ("$(hfl(Via)[-1])", None, VIA),
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
    assert both(expression, message(*LISTS)) == [older, newer]


@pytest.mark.parametrize(
    ("body", "count", "star"),
    [("*", "0", "1"), ("<a>", "0", None), ("a, <sip:b@x>", "1", "0"), ("sip:a@b, <ab>", "0", None)],
)
def test_an_address_of_a_contact_has_three_bytes_at_least(body: str, count: str, star: str | None) -> None:
    _, newer = hosts(message(f"Contact: {body}"))

    assert (newer.get_s("$hflc(Contact)"), newer.get_s("$cts")) == (count, star)


SDP = (
    "v=0\r\no=alice 2890844526 2890844527 IN IP4 host.example\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    "m=audio 49170 RTP/AVP 0\r\nb=AS:64\r\nb=RR:\r\na=rtcp:53020 IN IP4 192.0.2.9\r\n"
)
VIDEO = "m=video 51372/2 RTP/AVP 31\r\nc=IN IP6 2001:db8::1\r\n"


@pytest.mark.parametrize(
    ("body", "part", "value"),
    [
        (SDP, "raw", SDP),
        (SDP, "sess_version", "2890844527"),
        (SDP, "c:ip", "192.0.2.1"),
        (SDP, "c:af", "2"),
        (SDP, "o:ip", "host.example"),
        (SDP, "m0:raw", SDP[SDP.index("m=") :]),
        (SDP, "m0:b:AS", "64"),
        (SDP, "m0:b:RR", None),
        (SDP, "m0:b:RS", None),
        (SDP, "m0:rtp:port", "49170"),
        (SDP, "m0:rtcp:port", "53020 IN IP4 192.0.2.9"),
        (SDP.replace("a=rtcp:", "a=x:"), "m0:rtcp:port", "49171"),
        (SDP.replace("a=rtcp:", "a=x:").replace("49170", "65535"), "m0:rtcp:port", None),
        (SDP + VIDEO, "c:ip", "2001:db8::1"),
        (SDP + VIDEO, "c:af", "10"),
        (SDP + VIDEO, "m0:rtp:port", "51372/2"),
        (SDP + VIDEO, "m0:rtcp:port", None),
        ("v=0\r\n", "c:ip", None),
    ],
)
def test_parts_of_a_session_description(body: str, part: str, value: str | None) -> None:
    data = message("Content-Type: application/sdp", f"Content-Length: {len(body)}") + body.encode()

    assert both(f"$sdp({part})", data) == [None, value]


def test_without_a_contact_its_uri_cannot_be_read() -> None:
    """A real 6.0.1 crashes; inside Kamailio the variable is not read."""
    _, newer = hosts(message())

    assert (newer.get_s("$ctu"), newer.is_null("$ctu"), newer.is_null("$cts")) == (None, -1, -1)


def test_every_diversion_has_to_parse() -> None:
    assert both("$di", message("Diversion: <sip:a@x>, , <sip:b@x>")) == ["sip:a@x", None]
    assert both("$di", message("Diversion: <sip:a@x>", "x y: 1")) == ["sip:a@x", None]


def test_a_second_final_reply_is_refused() -> None:
    older, newer = hosts(message())

    assert [older.modf("sl_reply_error"), older.modf("sl_reply_error")] == [1, 1]
    assert [newer.modf("sl_reply_error"), newer.modf("sl_reply_error")] == [1, -2]
    assert (len(older.replies), len(newer.replies)) == (2, 1)


def test_options_are_answered_once() -> None:
    _, newer = hosts(message(first="OPTIONS sip:example.com SIP/2.0"))

    assert [newer.modf("options_reply"), newer.modf("sl_reply_error")] == [1, -2]


def test_a_reply_names_the_version() -> None:
    for host, release in zip(hosts(message()), (b"5.6.3", b"6.0.1"), strict=True):
        assert b"Server: kamailio (" + release + b" (x86_64/linux))\r\n" in (host.reply(200, "OK") or b"")


@pytest.mark.parametrize(
    ("header", "status", "whole"),
    [
        ("P-Charging-Vector: icid-value=abc;orig-ioi=o", "1", "icid-value=abc;orig-ioi=o"),
        ("P-Charging-Vector: orig-ioi=o", "2", "orig-ioi=o"),
        ("P-Charging-Vector:", "2", None),
        ("X: 1", "0", None),
        ("P-Charging-Vector: icid-value=" + "x" * 300, "1", "icid-value=" + "x" * 245),
    ],
)
def test_a_charging_vector_has_a_status(header: str, status: str, whole: str | None) -> None:
    _, newer = hosts(message(header))

    assert (newer.get_s("$pcv(status)"), newer.get_s("$pcv(all)")) == (status, whole)
    assert newer.get_s("$pcv(orig)") == ("o" if "abc" in header else None)


@pytest.mark.parametrize(
    ("text", "older", "newer"),
    [("LUv", "ffff00", "ffff"), ("5R", "010000", "01"), ("1Z", "200000", "20"), ("11", "000000", "")],
)
def test_base58_is_decoded_up_to_a_nul(text: str, older: str, newer: str) -> None:
    assert transformed(text, "{s.decode.base58}{s.encode.hexa}") == [older, newer]


def test_a_comma_in_a_quoted_parameter_of_a_via_is_text() -> None:
    """core/parser/parse_via.c: 5.6 ends the header there."""
    via = 'SIP/2.0/UDP 127.0.0.1:5160;foo="a,b, c";branch=z9hG4bKx, SIP/2.0/UDP h:5'
    older, newer = (sip.parse(message(via=via), is_6=is_6) for is_6 in (False, True))
    _, host = hosts(message(via=via))

    assert (older.dropped is None, newer.dropped) == (False, None)
    assert [
        host.get_s(name) for name in ("$via0(params)", "$sel(via[1].params.foo)", "$(hfl(Via)[1])", "$hflc(Via)")
    ] == [
        'foo="a,b, c";branch=z9hG4bKx',
        "a,b, c",
        "SIP/2.0/UDP h:5",
        "2",
    ]


@pytest.mark.parametrize(("size", "is_dropped"), [(32766, False), (32767, True)])
def test_a_very_long_message_is_dropped(size: int, is_dropped: bool) -> None:  # noqa: FBT001 - of the table
    """core/udp_server.c, ksr_msg_recv_max_size."""
    data = message("X: " + "x" * (size - len(message("X: "))))
    older, newer = (sip.parse(data, is_6=is_6) for is_6 in (False, True))

    assert (len(data), older.dropped, newer.dropped is not None) == (size, None, is_dropped)


def test_more_values_fit_together() -> None:
    """core/pvapi.c, PV_DEFAULT_PRINT_BUFFER_SIZE."""
    assert both("$(hdr(X)[*]{s.len})", message(*["X: " + "x" * 4000] * 7)) == [None, "28006"]


def test_a_contact_is_null_where_the_headers_do_not_parse() -> None:
    for contact in ("X: 1", "Contact: <sip:a@b>"):
        _, newer = hosts(message(contact, "Call-ID: 1"))

        assert [newer.is_null("$ctu"), newer.is_null("$cts")] == [1, 1]


def test_the_part_of_a_task_is_told_by_its_length() -> None:
    _, newer = hosts(message())

    assert [newer.is_null("$atkv(TCP)"), newer.is_null("$atkv(x)")] == [1, -1]


def test_no_transaction_has_to_be_sought_for_the_reason_of_a_reply() -> None:
    assert both("$T_reply_reason", message("Call-ID: 2")) == [None, ""]
    assert [host.modf("t_precheck_trans") for host in hosts(message(first="SIP/2.0 200 OK"))] == [-2, -1]
