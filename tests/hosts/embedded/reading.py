"""Messages that the tests of this folder read, hosts that have them in hand, and short ways to ask."""

from __future__ import annotations

from runner.hosts.embedded.context import Address, Environment, Socket
from runner.hosts.embedded.host import MessageHost
from runner.hosts.embedded.pv import families, transform  # noqa: F401 - families fills the registries
from runner.hosts.embedded.value import NULL, CannotEvaluate, Value

MAIN = Socket(Address("127.0.0.1", 5100), "main")
ALT = Socket(Address("127.0.0.1", 5101), "alt", Address("203.0.113.5", 5070))
ENVIRONMENT = Environment((MAIN, ALT), variables={"N": "1abc", "PLUS": "+1", "LONG": "9" * 5000, "ZEROS": "042"})
ZEROS, NINES = "0" * 5000, "9" * 5000

MESSAGE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1 , SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice" <sip:alice@example.org>;tag=a1\r\n'
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: c1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"X-Custom: one\r\n"
    b"Content-Length: 146\r\n\r\n"
)


def having(message: bytes) -> MessageHost:
    """A host of two sockets that received the message on the first."""
    return MessageHost(message, source=Address("192.0.2.10", 5070), received_on=MAIN, environment=ENVIRONMENT)


def with_headers(*headers: str) -> MessageHost:
    """A host without sockets that has a REGISTER with the headers behind its Via."""
    head = [
        "REGISTER sip:example.com SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        *headers,
        "From: <sip:alice@example.org>;tag=a1",
        "To: <sip:bob@example.com>",
        "Call-ID: c1",
        "CSeq: 1 REGISTER",
    ]
    return MessageHost("\r\n".join(head).encode() + b"\r\n\r\n")


def through(
    *vias: str,
    first_line: str = "INVITE sip:bob@example.com SIP/2.0",
    behind: str = "",
    environment: Environment | None = None,
) -> MessageHost:
    """A host whose message came through these Vias."""
    lines = [first_line, *(f"Via: {via}" for via in vias), "From: <sip:alice@example.org>;tag=t1"]
    lines += ["To: <sip:bob@example.com>", "Call-ID: 1", "CSeq: 1 INVITE", *filter(None, [behind])]
    data = "\r\n".join([*lines, "", ""]).encode()
    return MessageHost(data, source=Address("127.0.0.1", 5163), environment=environment)


BODY = (
    b"--bb\r\nContent-Type: text/plain\r\n\r\nhello\r\n"
    b"--bb\r\nX: y\r\nContent-Type: Application/SDP;a=b\r\n\r\n"
    b"v=0\r\ns=-\r\nm=audio 4 RTP/AVP 0\r\nk=\r\nz=end\r\n--bb--\r\n"
)
OF_SELECTS = (
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


def host_with(message: bytes) -> MessageHost:
    """A host of one socket and with a server id, for selects."""
    socket = Socket(Address("127.0.0.1", 5100))
    return MessageHost(
        message,
        source=Address("127.0.0.1", 5160),
        received_on=socket,
        environment=Environment(sockets=(socket,), server_id=7),
    )


def values(host: MessageHost, selects: str) -> list[str | None]:
    """What the blank-separated selects read."""
    return [host.get_s(f"$sel({select})") for select in selects.split()]


def is_unknown(host: MessageHost, select: str) -> bool:
    """Whether there is no such select."""
    return host.is_null(f"$sel({select})") == -1


def variables(expression: bytes) -> Value:
    """What the parameters of transformations may name: a number, a text, an empty one, and null."""
    known = {b"$var(n)": Value.integer(1), b"$var(s)": Value(b":"), b"$var(e)": Value(b""), b"$vn(x)": NULL}
    return known[expression]


def measure(text: bytes) -> int:
    """The length of such a name."""
    return text.index(b")") + 1


def transformed(text: bytes | int | None, chain: bytes) -> Value:
    """A plain value sent through transformations; raises CannotEvaluate where one fails."""
    match text:
        case None:
            value = NULL
        case int():
            value = Value.integer(text)
        case _:
            value = Value(text)
    steps, end = transform.parse(chain, 0, measure)
    assert end == len(chain)
    return transform.apply(steps, value, variables)


def is_malformed(chain: bytes) -> bool:
    """Whether transformations are refused before there is a value."""
    try:
        transform.parse(chain, 0, measure)
    except CannotEvaluate:
        return True
    return False


def fails(text: bytes | None, chain: bytes) -> bool:
    """Whether transformations that are well formed give no value for this text."""
    steps, _ = transform.parse(chain, 0, measure)
    try:
        transform.apply(steps, NULL if text is None else Value(text), variables)
    except CannotEvaluate:
        return True
    return False


def request(*routes: str, uri: str = "sip:bob@example.com", to_tag: str = ";tag=t1") -> MessageHost:
    """A host of two sockets that has a BYE with these routes."""
    head = [
        f"BYE {uri} SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bK1",
        *(f"Route: {route}" for route in routes),
        "From: <sip:alice@example.org>;tag=a1",
        f"To: <sip:bob@example.com>{to_tag}",
        "Call-ID: c1",
        "CSeq: 1 BYE",
    ]
    return MessageHost(
        "\r\n".join(head).encode() + b"\r\n\r\n",
        received_on=MAIN,
        environment=Environment((MAIN, ALT), server_id=7, hash_tables=frozenset({"table"})),
    )
