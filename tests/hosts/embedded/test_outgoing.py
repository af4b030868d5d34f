"""What leaves: the forwarded message and the reply."""

from __future__ import annotations

import time

import pytest

from runner import sip
from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import ENVIRONMENT, MAIN, ZEROS, through

SOCKET = Socket(Address("127.0.0.1", 5100))
INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bK-inv-plain;rport\r\n"
    b'From: "Alice" <sip:alice@example.org>;tag=a1b2c3\r\n'
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: inv-plain@192.0.2.10\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Content-Length: 4\r\n\r\nbody"
)


def host() -> MessageHost:
    return MessageHost(
        INVITE, source=Address("127.0.0.1", 5161), received_on=SOCKET, environment=Environment((SOCKET,))
    )


def test_a_forwarded_request_has_a_via_more_and_its_own_completed() -> None:
    lines = (host().forwarded("z9hG4bKx") or b"").split(b"\r\n")

    assert lines[1:3] == [
        b"Via: SIP/2.0/UDP 127.0.0.1:5100;branch=z9hG4bKx",
        b"Via: SIP/2.0/UDP 127.0.0.1:5160;received=127.0.0.1;branch=z9hG4bK-inv-plain;rport=5161",
    ]


def test_a_request_without_call_id_cannot_be_forwarded() -> None:
    request = MessageHost(INVITE.replace(b"Call-ID", b"X-ID"))

    assert request.forwarded() is None


def test_a_removed_body_makes_content_length_zero() -> None:
    request = host()

    assert request.modf("remove_body") == 1
    assert request.message_bytes().endswith(b"Content-Length: 0\r\n\r\n")


def test_a_body_made_multipart_is_closed_where_it_leaves_after_the_changes_were_applied() -> None:
    def sent(*functions: str, body: bytes = b"body") -> list[bytes]:
        request = MessageHost(INVITE.replace(b"Content-Length: 4", b"Content-Type: text/plain")[:-4] + body)
        for function in functions:
            assert request.modf(function) == 1
        return (request.forwarded() or b"").split(b"\r\n")

    make, apply = "set_body_multipart", "msg_apply_changes"

    assert sent(make)[-2:] == [b"--unique-boundary-1", b""]
    closed = sent(make, apply)
    assert closed[-2:] == [b"--unique-boundary-1--", b""]
    assert b"Content-Length: 78" in closed
    assert sent(make, apply, body=b"a\rb")[-2:] == [b"--unique-boundary-1", b""]


def test_an_empty_content_type_is_text_once_it_is_a_part() -> None:
    request = MessageHost(INVITE.replace(b"Content-Length: 4", b"Content-Type:"))

    assert request.modf("set_body_multipart") == 1
    assert b"\r\n\r\n--unique-boundary-1\r\nContent-Type: text/plain\r\n" in request.message_bytes()


def test_an_ack_is_not_answered() -> None:
    assert MessageHost(INVITE.replace(b"INVITE", b"ACK")).reply(200, "OK") is None


def test_record_route_is_added_once() -> None:
    request = host()

    assert (request.modf("record_route"), request.modf("record_route")) == (1, -1)
    assert request.message_bytes().split(b"\r\n")[1] == b"Record-Route: <sip:127.0.0.1:5100;lr;ftag=a1b2c3>"


def test_parsing_takes_time_linear_in_the_size() -> None:
    def seconds(headers: int) -> float:
        data = INVITE.replace(b"Content-Length", b"X: y\r\n" * headers + b"Content-Length")
        start = time.perf_counter()
        sip.parse(data)
        return time.perf_counter() - start

    small = min(seconds(500) for _ in range(5))
    large = min(seconds(8000) for _ in range(5))

    # Sixteen times the size; quadratic would be 256 times the time.
    assert large < small * 80


def test_a_body_removed_twice_is_gone_once() -> None:
    request = host()
    request.modf("remove_body")
    request.modf("remove_body")

    assert request.message_bytes().endswith(b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize(
    ("port", "advertised", "sent_by"),
    [
        (5060, None, b"127.0.0.1"),
        (5070, None, b"127.0.0.1:5070"),
        (5060, Address("203.0.113.5", 5060), b"203.0.113.5:5060"),
    ],
)
def test_port_5060_is_left_out_of_the_own_via_unless_it_is_advertised(
    port: int, advertised: Address | None, sent_by: bytes
) -> None:
    socket = Socket(Address("127.0.0.1", port), advertised=advertised)
    host = MessageHost(INVITE, received_on=socket, environment=Environment((socket,)))

    assert b"\r\nVia: SIP/2.0/UDP " + sent_by + b";branch=z9hG4bK0\r\n" in (host.forwarded() or b"")


def test_port_5060_is_left_out_of_the_own_record_route() -> None:
    host = MessageHost(INVITE)

    assert host.modf("record_route") == 1
    assert b"\r\nRecord-Route: <sip:127.0.0.1;lr" in host.message_bytes()


def test_a_branch_that_a_reply_appends_has_the_status_for_its_uri() -> None:
    """A real Kamailio gives "200": the same memory is the R-URI of a request."""
    rest = INVITE.partition(b"\r\n")[2]
    host = MessageHost(b"SIP/2.0 200 OK\r\n" + rest)

    assert host.modf("append_branch") == 1
    assert host.get_s("$(branch(uri)[0])") == "200"


def length_line(text: str | bytes | None) -> str:
    whole = text.decode() if isinstance(text, bytes) else text or ""
    return next((line for line in whole.split("\r\n") if line.startswith("Content-Length")), "")


def test_each_look_at_a_message_with_another_body_puts_in_its_length_once_more() -> None:
    host = MessageHost(WITH_BODY)

    assert (host.modf("remove_body"), length_line(host.get_s("$mbu"))) == (1, "Content-Length: 0")
    assert length_line(host.get_s("$mbu")) == "Content-Length: 00"
    assert (host.modf("set_body_multipart"), length_line(host.get_s("$mbu"))) == (1, "Content-Length: 0840")
    assert length_line(host.forwarded()) == length_line(host.forwarded()) == "Content-Length: 084840"


WITH_BODY = (
    b"INVITE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bKa;rport\r\n"
    b"To: <sip:b@b.example>\r\nCSeq: 1 INVITE\r\nCall-ID: a\r\nFrom: <sip:a>;tag=a\r\n"
    b"Content-Length: 12\r\nContent-Type: text/plain\r\n\r\n123456789012"
)


def relayed(transport: str, *headers: str) -> MessageHost:
    head = ["SIP/2.0 200 OK", "Via: SIP/2.0/UDP 127.0.0.1:5100;branch=z9hG4bKa"]
    head += [
        f"Via: SIP/2.0/{transport} 127.0.0.1:5160;branch=x",
        "To: <sip:b@b.example>",
        "CSeq: 1 OPTIONS",
        "Call-ID: a",
    ]
    return MessageHost("\r\n".join([*head, "From: <sip:a>;tag=a", *headers, "", "body"]).encode())


@pytest.mark.parametrize(
    ("transport", "headers", "length"),
    [
        ("TCP", (), "Content-Length: 4"),
        ("tls", ("Content-Length: 9",), "Content-Length: 4"),
        ("TCP", ("Content-Length: 04",), "Content-Length: 04"),
        ("WS", ("Content-Length: 9",), "Content-Length: 9"),
        ("UDP", (), ""),
    ],
)
def test_a_reply_that_goes_on_by_a_stream_gets_the_right_length(
    transport: str, headers: tuple[str, ...], length: str
) -> None:
    host = relayed(transport, *headers)

    assert (length_line(host.forwarded()), length_line(host.get_s("$mbu"))) == (length, length)


@pytest.mark.parametrize("headers", [("no colon",), ("Content-Length: 4", "no colon")])
def test_a_reply_to_a_stream_is_not_built_when_a_header_is_in_the_way(headers: tuple[str, ...]) -> None:
    host = relayed("TCP", *headers)

    assert (host.get_s("$mbu"), host.modf("msg_apply_changes"), host.forwarded()) == (None, -1, None)


def test_every_to_of_a_reply_gets_a_tag_when_the_first_has_none() -> None:
    host = relayed("UDP", "To: <sip:x@y>;tag=a")

    assert host.modf("sl_reply_error") == 1
    lines = host.replies[0].decode().split("\r\n")
    assert [line.count(";tag=") for line in lines if line.startswith("To:")] == [1, 2]


def test_the_last_boundary_stays_open_when_the_first_content_type_does_not_name_it() -> None:
    host = MessageHost(WITH_BODY.replace(b"Content-Type: text/plain", b"Content-Type: a/b\r\nContent-Type: text/plain"))

    assert (host.modf("set_body_multipart"), host.modf("msg_apply_changes")) == (1, 1)
    assert (host.forwarded() or b"").endswith(b"\r\n--unique-boundary-1\r\n")


def test_a_right_content_length_of_a_reply_stays_whatever_its_zeros() -> None:
    lines = ["SIP/2.0 200 OK", "Via: SIP/2.0/UDP 127.0.0.1:5100;branch=z9hG4bK2"]
    lines += ["Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1", "From: <sip:a@b>;tag=a1", "To: <sip:b@b>;tag=b1"]
    lines += ["Call-ID: c1", "CSeq: 1 INVITE", f"Content-Length: {ZEROS}4", "", "body"]

    sent = MessageHost("\r\n".join(lines).encode(), received_on=MAIN, environment=ENVIRONMENT).forwarded()

    assert sent is not None
    assert f"Content-Length: {ZEROS}4\r\n".encode() in sent


@pytest.mark.parametrize(
    ("sent", "forwarded", "replied"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("[127.0.0.1]", "[127.0.0.1];received=127.0.0.1", "[127.0.0.1];received=127.0.0.1"),
        ("h : 5070", "h : 50;received=127.0.0.170", "h : 5070;received=127.0.0.1"),
        ("h;rport ;x", "h;received=127.0.0.1;rport=5163;x", "h;rport=5163;x;received=127.0.0.1"),
        ('h;rport="1";x', 'h;received=127.0.0.1;rport=5163";x', 'h;rport=5163";x;received=127.0.0.1'),
        ("h;x;received=9;rport", "h;x;received=127.0.0.1;rport=5163", "h;x;received=9;rport=5163;received=127.0.0.1"),
    ],
)
def test_received_and_rport_go_where_kamailio_puts_them(sent: str, forwarded: str, replied: str) -> None:
    request = through(f"SIP/2.0/UDP {sent}")

    via = b"\r\nVia: SIP/2.0/UDP %b\r\n"
    assert via % forwarded.encode() in (request.forwarded() or b"")
    assert via % replied.encode() in (request.reply(200, "OK") or b"")


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
    for host, line in zip(
        versions.hosts(versions.message(via=f"SIP/2.0/UDP {via}"), 5162), (older, newer), strict=True
    ):
        reply = host.reply(200, "OK")

        assert reply is not None
        assert f"Via: SIP/2.0/UDP {line}\r\n".encode() in reply


def test_a_reply_names_the_version() -> None:
    for host, release in zip(versions.hosts(versions.message()), (b"5.6.3", b"6.0.1"), strict=True):
        assert b"Server: kamailio (" + release + b" (x86_64/linux))\r\n" in (host.reply(200, "OK") or b"")
