"""Module functions without a server: their own values, as a Kamailio 5.6.3 gave them for the same messages."""

from __future__ import annotations

import pytest

from runner.calls import MODF_CANNOT_RUN
from runner.hosts.embedded.context import Environment, Version
from runner.hosts.embedded.host import MessageHost
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import ALT, MAIN

SDP = b"v=0\r\no=a 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


def request(*headers: str, uri: str = "sip:bob@example.com", body: bytes = b"", method: str = "INVITE") -> MessageHost:
    head = [
        f"{method} {uri} SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bK1",
        "From: <sip:alice@example.org>;tag=a1",
        "To: <sip:bob@example.com>",
        "Call-ID: c1",
        f"CSeq: 1 {method}",
        *headers,
        f"Content-Length: {len(body)}",
    ]
    return MessageHost(
        "\r\n".join(head).encode() + b"\r\n\r\n" + body, received_on=MAIN, environment=Environment((MAIN, ALT))
    )


def with_sdp(body: bytes) -> MessageHost:
    return request("Content-Type: application/sdp", body=body)


@pytest.mark.parametrize(
    "name", ["t_relay", "t_newtran", "send_udp", "mono_run", "sl_send_reply", "nope", " has_body", ""]
)
def test_what_is_refused_says_once_that_it_needs_a_real_kamailio(name: str) -> None:
    host = request()

    assert host.modf(name) == MODF_CANNOT_RUN
    assert host.logs == [(0, f"ModF({name!r}) gave -127: not in the embedded host, it needs a real Kamailio")]


def test_a_refused_function_leaves_the_return_code() -> None:
    host = request()
    host.modf("has_totag")
    host.modf("t_relay")

    assert host.get_s("$rc") == "-1"


def test_a_reply_is_not_forwarded_by_a_host_without_sockets() -> None:
    reply = MessageHost(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5100\r\nVia: SIP/2.0/UDP 127.0.0.1\r\n\r\n")

    assert (reply.modf("sl_forward_reply"), reply.modf("forward_reply")) == (MODF_CANNOT_RUN, MODF_CANNOT_RUN)


def test_a_request_is_no_reply_to_send_on_and_a_reply_with_one_via_has_nowhere_to_go() -> None:
    reply = MessageHost(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:00\r\n\r\n")

    assert (request().modf("sl_forward_reply"), reply.modf("sl_forward_reply")) == (-1, -1)
    assert (request().modf("forward_reply"), reply.modf("forward_reply")) == (1, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("t_check_trans", -1), ("t_release", 1), ("t_reset_fr", 1), ("t_is_reply_route", -1), ("t_precheck_trans", -1)],
)
def test_a_function_of_the_transaction_says_that_there_is_none(name: str, value: int) -> None:
    host = request()

    assert (host.modf(name), host.get_i("$rc")) == (value, value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (SDP, -1),
        (SDP + b"a=sendonly\r\n", 2),
        (SDP + b"a=INACTIVE\r\n", 2),
        (SDP + b"a=sendrecv\r\n", -1),
        (SDP.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 0.0.0.0"), 1),
        (SDP + b"c=IN IP4 0.0.0.0\r\n", 1),
        (SDP.replace(b"t=0 0", b"t=0 0\r\na=sendonly"), 2),
        (SDP.replace(b"audio", b"video") + b"a=sendonly\r\n", -1),
        (SDP.replace(b"o=", b"x="), -1),
        (b"", -1),
    ],
)
def test_audio_is_on_hold_by_direction_or_by_address(body: bytes, value: int) -> None:
    assert with_sdp(body).modf("is_audio_on_hold") == value


def test_trickled_candidates_are_no_hold() -> None:
    """RFC 8840: port 9 and the address 0.0.0.0 mean that the candidates come later."""
    body = SDP.replace(b"192.0.2.1\r\nt", b"0.0.0.0\r\nt").replace(b"4000", b"9") + b"a=ice-options:ice2 trickle\r\n"

    assert (with_sdp(body).modf("is_audio_on_hold"), with_sdp(body).modf("sdp_content")) == (-1, 1)


def test_the_sdp_part_of_a_multipart_body_is_looked_at() -> None:
    part = b"--b1\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b1\r\nContent-Type: application/sdp\r\n\r\n"
    host = request(
        'Content-Type: multipart/mixed; boundary="b1"', body=part + SDP.replace(b"IP4", b"IP6") + b"\r\n--b1--\r\n"
    )

    assert (host.modf("sdp_content"), host.modf("sdp_get_address_family")) == (1, 6)


def test_a_body_becomes_the_part_of_a_multipart_one() -> None:
    host = request("Content-Type: text/plain", body=b"hello")

    assert host.modf("set_body_multipart") == 1

    assert host.message_bytes().endswith(
        b'Content-Length: 77\r\nContent-Type: multipart/mixed;boundary="unique-boundary-1"\r\nMime-Version: 1.0\r\n\r\n'
        b"--unique-boundary-1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--unique-boundary-1\r\n"
    )


@pytest.mark.parametrize(
    ("uri", "value", "decoded"),
    [
        ("sip:p*u*pw*192.0.2.1*5070*udp@198.51.100.1;x=1", 1, "sip:u:pw@192.0.2.1:5070;transport=udp;x=1"),
        ("sip:p***192.0.2.1**@198.51.100.1", 1, "sip:192.0.2.1"),
        ("sip:bob@example.com", -26, "sip:bob@example.com"),
        ("sip:p*1*2*3*4*5*6@h", -24, "sip:p*1*2*3*4*5*6@h"),
        ("sip:example.com", -23, "sip:example.com"),
        ("sip:p*u*pw***@h", -2, "sip:p*u*pw***@h"),
        ("sip:p**pw*h**@h", -3, "sip:p**pw*h**@h"),
    ],
)
def test_an_encoded_contact_is_decoded_in_the_request_uri(uri: str, value: int, decoded: str) -> None:
    host = request(uri=uri)

    assert (host.modf("decode_contact"), host.get_s("$ru")) == (value, decoded)


def test_every_address_of_the_contact_is_decoded() -> None:
    host = request("Contact: <sip:p*u**192.0.2.1**@h>;q=1, sip:p*v**192.0.2.2*5062*@h")

    assert host.modf("decode_contact_header") == 1

    assert b"Contact: <sip:u@192.0.2.1>;q=1, sip:v@192.0.2.2:5062\r\n" in host.message_bytes()


@pytest.mark.parametrize(("contact", "value"), [("X: 1", -1), ("Contact: <<sip:x>", -4), ("Contact: *", 1)])
def test_a_contact_that_does_not_parse_has_a_value_of_its_own(contact: str, value: int) -> None:
    assert request(contact).modf("decode_contact_header") == value


def test_the_remote_party_comes_from_its_avp() -> None:
    host = request()
    before = host.modf("append_rpid_hf")
    host.set_s("$avp(rpid)", "<sip:+4930@example.org>")

    assert (before, host.modf("append_rpid_hf"), host.modf("is_rpid_user_e164")) == (-1, 1, 1)
    assert (
        b"Remote-Party-ID: <sip:+4930@example.org>;party=calling;id-type=subscriber;screen=yes\r\n"
        in host.message_bytes()
    )


@pytest.mark.parametrize(("uri", "value"), [("sip:b@c;gr=x", 1), ("sip:b@c;gr", 2), ("sip:b@c", -1), ("bad", -1)])
def test_a_gruu_is_one_with_or_without_value(uri: str, value: int) -> None:
    assert request(uri=uri).modf("is_gruu") == value


def test_the_static_branch_becomes_the_request_uri_or_a_branch() -> None:
    host = request()
    host.set_s("$sbranch(uri)", "sip:carol@example.net")
    host.set_s("$sbranch(dst_uri)", "sip:192.0.2.9")
    host.set_i("$sbranch(Q)", 500)

    assert (host.modf("sbranch_append"), host.modf("sbranch_set_ruri")) == (1, 1)
    assert (host.get_s("$ru"), host.get_s("$du"), host.get_s("$br")) == (
        "sip:carol@example.net",
        "sip:192.0.2.9",
        "sip:carol@example.net",
    )
    assert host.get_s("$ds") == "Contact: <sip:carol@example.net>;q=0.5, <sip:carol@example.net>;q=0.5"


def test_without_a_static_branch_there_is_nothing_to_use() -> None:
    assert (request().modf("sbranch_append"), request().modf("sbranch_set_ruri")) == (-1, -1)


def test_append_time_dates_the_reply() -> None:
    host = request()
    host.modf("append_time")

    assert b"\r\nDate: " in (host.reply(200, "OK") or b"")


@pytest.mark.parametrize(
    ("header", "value"),
    [("X: 1", 1), ("no colon", 1), ("To: <bad", 1), ("Content-Length: x", 1)],
)
def test_a_rebuilt_message_may_end_with_a_line_that_cannot_be_parsed(header: str, value: int) -> None:
    host = request()

    assert (host.hdr_append(f"{header}\r\n"), host.modf("msg_apply_changes")) == (0, value)
    assert host.get_s("$ci") == "c1"


@pytest.mark.parametrize("header", ["no colon", "To: <bad", "Via: bad"])
def test_a_rebuilt_message_with_such_a_line_above_a_needed_header_ends_the_route(header: str) -> None:
    host = request()

    assert (host.hdr_insert(f"{header}\r\n"), host.modf("msg_apply_changes")) == (0, 0)
    assert (host.get_s("$ci"), host.get_s("$hdr(Via)")) == (None, None)


def test_a_rebuilt_message_without_a_needed_header_is_taken() -> None:
    host = request()

    assert (host.hdr_remove("CSeq"), host.modf("msg_apply_changes"), host.get_s("$cs")) == (0, 1, None)


def without_first_line() -> MessageHost:
    host = request("X-A: 1", uri="sip:b@b.example")
    assert (host.set_s("$ru", "sip:bob@b.example;x 5060"), host.modf("msg_apply_changes")) == (0, 0)
    return host


def test_a_rebuilt_message_whose_first_line_cannot_be_read_is_neither_request_nor_reply() -> None:
    host = without_first_line()

    assert [host.get_s(name) for name in ("$mt", "$mts", "$rsi", "$sel(msg.type)")] == ["0", "xx", "0", "0"]
    assert [host.get_s(name) for name in ("$rm", "$rs", "$rr", "$fu", "$hdr(X-A)", "$mbu", "$sel(version)")] == [
        None
    ] * 7
    assert (host.modf("is_request"), host.modf("is_reply")) == (-1, -1)
    assert (host.hdr_append("X-B: 1\r\n"), host.hdr_remove("X-A"), host.set_s("$fn", "x")) == (-1, -1, -1)
    assert (host.forwarded(), host.reply(200, "OK")) == (None, None)


def test_such_a_message_keeps_the_request_uri_that_was_found_in_its_first_line() -> None:
    host = without_first_line()

    assert [host.get_s(name) for name in ("$ru", "$ou", "$nh(u)")] == ["sip:bob@b.example;x"] * 3
    assert (host.get_s("$rU"), host.get_s("$rv"), host.get_s("$sel(msg.first_line)")) == ("bob", "INVITE", "")
    assert (host.get_s("$ltt(s)") or "").endswith(".\0\0\0\0\0\0\0\0")
    assert (host.modf("append_branch"), host.get_s("$br")) == (1, "sip:bob@b.example;x")
    assert (host.set_s("$ru", "sip:carol@b.example"), host.modf("msg_apply_changes")) == (0, 0)
    assert (host.get_s("$mb") or "").startswith("INVITE sip:carol@b.example 5060 SIP/2.0\r\nVia:")


def test_a_message_of_65535_bytes_is_not_rebuilt() -> None:
    host = request()
    size = 65535 - host.get_i("$ml") - len("X: \r\n")

    assert (host.hdr_append(f"X: {'x' * size}\r\n"), host.modf("msg_apply_changes")) == (0, -1)


@pytest.mark.parametrize(
    ("uri", "version", "values"),
    [
        ("urn:a1:b;gr", "5.6", [-1, -1]),
        ("urn:a1:b;gr", "6.0", [2, 1]),
        ("urn:a1:b@c;gr=1", "5.6", [1, 1]),
        ("urn:a1:b@c;gr=1", "6.0", [-1, -1]),
    ],
)
def test_functions_read_a_urn_as_the_version_does(uri: str, version: Version, values: list[int]) -> None:
    lines = (
        f"OPTIONS {uri} SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bKa",
        "From: <sip:a@a.example>;tag=a",
        "To: <sip:b@b.example>",
        "Call-ID: a",
        "Route: <sip:z@h;lr>",
        "CSeq: 1 OPTIONS",
    )
    host = MessageHost("\r\n".join((*lines, "", "")).encode(), environment=Environment(kamailio=version))

    assert [host.modf("is_gruu"), host.modf("loose_route")] == values


def test_a_branch_takes_the_destination_socket_and_flags_of_the_request_along() -> None:
    host = request()
    host.set_s("$du", "sip:192.0.2.9")
    host.set_s("$fs", "udp:127.0.0.1:5100")
    host.set_i("$bf", 5)

    assert (host.modf("append_branch"), host.get_s("$du"), host.get_s("$fs"), host.get_i("$bf")) == (1, None, None, 0)
    parts = [host.get_s(f"$branch({part})") for part in ("dst_uri", "send_socket", "flags")]
    assert parts == ["sip:192.0.2.9", "udp:127.0.0.1:5100", "5"]


def test_functions_of_6_0() -> None:
    older, newer = versions.hosts(versions.message("a bad header"))
    names = ("is_sip", "is_http", "sip_parse_headers", "t_exists")

    assert [older.modf(name) for name in names] == [-127] * 4
    assert [newer.modf(name) for name in names] == [1, -1, -1, -1]


def test_a_second_final_reply_is_refused() -> None:
    older, newer = versions.hosts(versions.message())

    assert [older.modf("sl_reply_error"), older.modf("sl_reply_error")] == [1, 1]
    assert [newer.modf("sl_reply_error"), newer.modf("sl_reply_error")] == [1, -2]
    assert (len(older.replies), len(newer.replies)) == (2, 1)


def test_options_are_answered_once() -> None:
    _, newer = versions.hosts(versions.message(first="OPTIONS sip:example.com SIP/2.0"))

    assert [newer.modf("options_reply"), newer.modf("sl_reply_error")] == [1, -2]


def test_changes_may_make_a_message_longer_than_6_0_receives_one() -> None:
    for host in versions.hosts(versions.message()):
        host.hdr_append(f"X-Long: {'a' * 32700}\r\n")
        host.hdr_append("Call-ID: 2\r\n")  # cannot be parsed

        assert host.modf("msg_apply_changes") == 1
