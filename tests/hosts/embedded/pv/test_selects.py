"""What ``$sel`` reads: every value here is what a Kamailio 5.6.3 gave, for the same message and the same select."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost

BODY = (
    b"--bb\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    b"--bb\r\nX: y\r\nContent-Type: Application/SDP;a=b\r\n\r\n"
    b"v=0\r\ns=-\r\nm=audio 4 RTP/AVP 0\r\nk=\r\nz=end\r\n--bb--\r\n"
)
MESSAGE = (
    b"INVITE sip:bob@example.com;transport=udp;user=phone;x=y SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.5:5060;branch=z9hG4bK1;rport\r\n"
    b"Via: SIP/2.0/TCP h.example;branch=z9hG4bK2;received=192.0.2.7;x=1;X=2,"
    b" SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bK3\r\n"
    b'From: "Alice" <sip:alice:secret@example.org:5070;x-y=1>;tag=t1;p=q;P=r\r\n'
    b"To: <tel:+1-201-555;rn=+1-2;ext=>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 7 INVITE\r\n"
    b'Contact: <sip:a@h>;q=0.5,"C" <sip:c@h.example>;q=1;expires=60;methods="INVITE,ACK";received="sip:r"'
    b';+sip.instance="<urn:x>"\r\n'
    b"Record-Route: <sip:p1@h;lr>;a=1;a=2;b, <sip:p2@h;lr>\r\n"
    b"Refer-To: Carl <sips:carl@h>\r\n"
    b"Event: presence;id=5\r\n"
    b"Expires: 60 seconds\r\n"
    b'Authorization: Digest username="alice@example.org",realm="r1",nonce="n1",uri="sip:h",response="a1"\r\n'
    b'Authorization: Digest username="bob",realm="example.org",nonce="n2",uri="sip:h",response="b2",qop=auth\r\n'
    b"Subject: one\r\n"
    b"X-Custom: one;a=1\r\n"
    b'X-Custom: "N" <sip:xc@example.com;up=1>;p=q;r-s="t u", last\r\n'
    b"Supported: a, b,,c\r\n"
    b"Content-Type: multipart/mixed;boundary=bb\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
REPLY = (
    b"SIP/2.0 486 Busy Here\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5100;branch=z9hG4bK1\r\n"
    b"Via: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bK2\r\n"
    b"From: <sip:a@h>;tag=a\r\nTo: <sip:b@h>;tag=b\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)
MAIN = Socket(Address("127.0.0.1", 5100))


@pytest.fixture
def host() -> MessageHost:
    return host_with(MESSAGE)


def host_with(message: bytes) -> MessageHost:
    return MessageHost(
        message,
        source=Address("127.0.0.1", 5160),
        received_on=MAIN,
        environment=Environment(sockets=(MAIN,), server_id=7),
    )


def values(host: MessageHost, selects: str) -> list[str | None]:
    return [host.get_s(f"$sel({select})") for select in selects.split()]


def is_unknown(host: MessageHost, select: str) -> bool:
    return host.is_null(f"$sel({select})") == -1


def test_parts_of_a_uri(host: MessageHost) -> None:
    assert values(
        host, "RURI.type ruri.params.x ruri.params ruri.rn_user from.uri.pwd f.uri.hostport from.uri.port"
    ) == [
        "tel",
        "y",
        None,
        "bob",
        "secret",
        "example.org:5070",
        "5070",
    ]
    assert values(host, "refer_to.uri.transport refer_to.uri.hostport rpid.uri dst_uri dst_uri.user next_hop.user") == [
        "tls",
        "h:5061",
        None,
        None,
        None,
        "bob",
    ]


def test_the_number_of_a_tel_uri_loses_its_separators(host: MessageHost) -> None:
    assert values(
        host, "to.uri.user to.uri.rn_user to.uri.params.rn to.uri.params.ext to.uri.host to.uri.hostport"
    ) == [
        "+1201555",
        "+12",
        "+1-2",
        "",
        "",
        None,
    ]


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("tel:-5-6", "56"),
        ("tel:-5", "-5"),
        ("tel:sip:a@b.example", "b.example"),
        ("urn:a-b:c", "ab"),
        ("sip:a-b@h", "a-b"),
    ],
)
def test_separators_count_where_a_user_is_looked_for_first(host: MessageHost, uri: str, user: str) -> None:
    host.set_s("$ru", uri)

    assert values(host, "ruri.user next_hop.rn_user") == [user, user]


def test_an_underscore_in_the_name_of_a_uri_parameter_is_a_hyphen(host: MessageHost) -> None:
    assert values(host, "from.uri.params.x_y hf_value.x_custom[2].p.r_s") == ["1", "t u"]


def test_parts_of_an_address(host: MessageHost) -> None:
    assert values(host, 'from.name from.params.p from.params["P"] from.tag to.tag to.name') == [
        '"Alice"',
        "q",
        "q",
        "t1",
        None,
        None,
    ]


def test_a_contact_is_the_last_of_its_header_and_a_record_route_the_first(host: MessageHost) -> None:
    assert values(host, "contact.uri contact.name contact.q contact.expires contact.methods contact.received") == [
        "sip:c@h.example",
        '"C"',
        "1",
        "60",
        "INVITE,ACK",
        "sip:r",
    ]
    assert values(host, "m.instance m.params.q record_route.uri rr.uri.params rr.params.a rr.params.b rr.name") == [
        "<urn:x>",
        "1",
        "sip:p1@h;lr",
        "lr",
        "2",
        None,
        "",
    ]


def test_a_via_has_a_number_from_one_and_a_negative_one_is_the_last(host: MessageHost) -> None:
    assert values(
        host, "v.branch via[2].host via[3].port via[-1].transport via[-2].transport via[0].host via[4].host"
    ) == [
        "z9hG4bK1",
        "h.example",
        "5061",
        "TLS",
        "TLS",
        None,
        None,
    ]


def test_a_parameter_of_a_via_is_the_first_of_that_name(host: MessageHost) -> None:
    assert values(host, "via[2].params.x via[2].received") == ["1", "192.0.2.7"]


def test_the_message_and_its_first_line(host: MessageHost) -> None:
    assert values(host, "msg.type method msg.request.uri.user version msg.response.status code reason") == [
        "1",
        "INVITE",
        "bob",
        "SIP/2.0",
        None,
        None,
        None,
    ]
    assert values(host_with(REPLY), "msg.type method code reason msg.res.code ruri next_hop msg.request") == [
        "2",
        None,
        "486",
        "Busy Here",
        "486",
        None,
        None,
        None,
    ]


def test_a_line_of_the_description_in_a_multipart_body(host: MessageHost) -> None:
    assert values(host, 'msg.body.sdp.line.m msg.content.sdp.line["m="] msg.body.sdp.line.k msg.body.sdp.line.x') == [
        "audio 4 RTP/AVP 0",
        "audio 4 RTP/AVP 0",
        None,
        None,
    ]
    assert host.get_s("$sel(msg.body.sdp)") == "v=0\r\ns=-\r\nm=audio 4 RTP/AVP 0\r\nk=\r\nz=end"
    assert is_unknown(host, "msg.body.sdp.line.mm")


def test_event_is_its_name_and_expires_its_number(host: MessageHost) -> None:
    assert values(host, "event expires call_id cseq.num cseq.method") == ["presence", "60", "c1", "7", "INVITE"]


def test_any_header_has_a_number_and_one_below_one_is_the_last(host: MessageHost) -> None:
    last = '"N" <sip:xc@example.com;up=1>;p=q;r-s="t u", last'

    assert values(host, 'msg.header.x_custom msg.h["X-Custom"] msg.header.X_CUSTOM[2] msg.header.x_custom[0]') == [
        "one;a=1",
        "one;a=1",
        last,
        last,
    ]
    assert values(host, "msg.header.x_custom[3] msg.header.s msg.header.nosuch") == [None, "one", None]
    assert is_unknown(host, 'msg.header["a b"]')


def test_a_number_low_enough_wraps_around_as_it_is_counted_down(host: MessageHost) -> None:
    selects = "via[-2147483646].host via[-2147483645].host msg.header.s[-2147483648]"

    assert values(host, selects) == [None, "[2001:db8::1]", None]


def test_an_address_in_any_header_is_in_its_last_without_a_number_and_in_its_first_with_one(host: MessageHost) -> None:
    assert values(host, "msg.header.x_custom.nameaddr.uri msg.header.x_custom[2].nameaddr.uri") == [
        "sip:xc@example.com;up=1",
        "one",
    ]
    assert values(host, "msg.header.x_custom.nameaddr.params.p msg.header.x_custom[2].nameaddr.params") == ["q", "a=1"]


def test_an_address_without_parameters_gives_all_of_its_text_for_them(host: MessageHost) -> None:
    assert values(host, "msg.header.subject.nameaddr.params msg.header.subject.nameaddr.name") == ["one", ""]


def test_credentials_are_found_by_their_realm_in_any_case_of_letters(host: MessageHost) -> None:
    assert values(host, "authorization.R1.username.user authorization.r1.username.domain authorization.r1.qop") == [
        "alice",
        "example.org",
        None,
    ]
    assert values(
        host, 'authorization["example.org"].username authorization.r2.nonce proxy_authorization.r1.nonce'
    ) == [
        "bob",
        None,
        None,
    ]


def test_a_realm_may_be_a_variable_or_a_select(host: MessageHost) -> None:
    selects = 'authorization["$fd"].nonce authorization["@from.uri.host"].qop authorization["$nosuch"].nonce'

    assert values(host, selects) == ["n2", "auth", None]


def test_credentials_that_do_not_parse_hide_those_behind_them_and_another_scheme_does_not() -> None:
    line = b"Authorization: %b\r\nAuthorization: Digest realm=r1,nonce=n\r\nFrom: "
    broken, basic = (
        host_with(MESSAGE.replace(b"From: ", line % first, 1)) for first in (b'Digest realm="r1', b"Basic abc")
    )

    assert values(broken, "authorization.r1.nonce") == [None]
    assert values(basic, "authorization.r1.nonce") == ["n"]


@pytest.mark.parametrize(
    ("username", "user", "domain"),
    [(b"xy@", "xy", ""), (b"x@", "x@", None), (b"sip:u@d", "u", "d"), (b"u:x", "x", None), (b"", "", None)],
)
def test_a_user_name_has_a_domain_behind_its_at_sign(username: bytes, user: str, domain: str | None) -> None:
    host = host_with(MESSAGE.replace(b'username="alice@example.org"', b'username="%b"' % username))

    assert values(host, "authorization.r1.username.user authorization.r1.username.domain") == [user, domain]


def test_a_via_has_a_comment() -> None:
    host = host_with(MESSAGE.replace(b"z9hG4bK1;rport", b"z9hG4bK1 (a comment)"))

    assert values(host, "via.comment via.branch via.name via.version") == ["a comment", "z9hG4bK1", "SIP", "2.0"]


def test_where_the_message_came_from_and_to(host: MessageHost) -> None:
    assert values(host, "src.ip_port dst.ip received.proto received.proto_ip_port sys.server_id") == [
        "127.0.0.1:5160",
        "127.0.0.1",
        "udp",
        "udp:127.0.0.1:5100",
        "7",
    ]


def test_the_own_address_for_a_next_hop_is_known_for_an_address_only(host: MessageHost) -> None:
    unknown = host.get_s("$sel(next_hop.src_ip)")
    host.set_s("$du", "sip:192.0.2.9;transport=udp")
    udp = host.get_s("$sel(next_hop.src_ip)")
    host.set_s("$du", "sip:192.0.2.9;transport=tcp")

    assert (unknown, udp, host.get_s("$sel(next_hop.src_ip)")) == (None, "127.0.0.1", None)


def test_branches_are_joined_unless_one_is_named(host: MessageHost) -> None:
    before = values(host, "branch.count branch.uri")
    host.set_s("$br", "sip:x@h")
    one = values(host, "branch.uri branch.uriq branch.q branch.uri.user branch.uri[0].user")
    host.set_i("$branch(q)", 500)
    host.set_s("$br", "sip:y@h")

    assert before == ["0", None]
    assert one == ["sip:x@h", "sip:x@h", None, None, "x"]
    assert values(host, "branch.uri branch.uriq branch.q branch.q[0] branch.uri[2] branch.uriq[0].uri.user") == [
        "sip:x@h,sip:y@h",
        "<sip:x@h>;q=0.5,sip:y@h",
        "0.5,",
        "0.5",
        None,
        "x",
    ]


def test_settings_of_the_server(host: MessageHost) -> None:
    assert values(host, "cfg_get.core.debug cfg_get.maxfwd.max_limit cfg_get.tm.default_reason cfg_selected.core") == [
        "-1",
        "70",
        "Server Internal Error",
        "",
    ]
    assert host.is_null("$sel(cfg_get.tm.ac_extra_hdrs)") == 1


@pytest.mark.parametrize(
    "select", ["cfg_get.CORE.debug", "cfg_get.core.nosuch", "cfg_get.tm.fr_timer", "cfg_selected.x"]
)
def test_a_setting_that_does_not_exist_or_is_checked_on_a_change_is_unknown(host: MessageHost, select: str) -> None:
    assert is_unknown(host, select)


def test_there_is_no_transaction(host: MessageHost) -> None:
    assert values(host, "tm tm.method tm.uas.status tm.uac[0].status") == ["0"] + [None] * 3


def test_values_of_a_header_have_commas_between(host: MessageHost) -> None:
    assert values(host, "hf_value.supported hf_value.supported[2] hf_value.supported[3] hf_value.supported[-1]") == [
        "a,b,,c",
        "b",
        "",
        "c",
    ]
    assert values(host, "hf_value.supported[0] hf_value.supported[9] hf_value.nosuch") == ["a", None, None]
    assert is_unknown(host, "hf_value.supported[-11]")


def test_parts_of_a_value_need_its_number(host: MessageHost) -> None:
    assert values(host, "hf_value.x_custom[2].uri hf_value.x_custom[2].uri.user hf_value.x_custom[2].name") == [
        "sip:xc@example.com;up=1",
        "xc",
        "N",
    ]
    assert values(host, "hf_value.x_custom[1].param.a hf_value.x_custom.param.a hf_value.x_custom.uri") == [
        "1",
        host.get_s("$sel(hf_value.x_custom)"),
        "one,sip:xc@example.com;up=1,last",
    ]
    assert values(host, 'hf_value.x_custom[1].param[""]') == ["one;a=1"]


def test_a_parameter_of_a_value_is_not_named_alone(host: MessageHost) -> None:
    assert values(host, "hf_value.x_custom[1].params.a hf_value.x_custom[2].nameaddr.uri") == [
        "1",
        "sip:xc@example.com;up=1",
    ]
    assert is_unknown(host, "hf_value.x_custom.a")


def test_a_value_is_looked_for_in_any_case_of_letters(host: MessageHost) -> None:
    assert values(host, "hf_value_exists.supported.B hf_value_exists.supported.d hf_value_exists.nosuch.d") == [
        "1",
        "0",
        "0",
    ]
    assert is_unknown(host, "hf_value_exists.supported")


def test_a_header_as_one_value(host: MessageHost) -> None:
    last = '"N" <sip:xc@example.com;up=1>;p=q;r-s="t u", last'

    assert values(
        host, "hf_value2.x_custom hf_value2.x_custom[2] hf_value2.x_custom[-2] hf_value2.x_custom.params.a"
    ) == [
        "one;a=1",
        last,
        "one;a=1",
        "1",
    ]
