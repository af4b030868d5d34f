"""Datagrams that would make the listener talk to itself or too much: real sockets, the script is a stub."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from runner.listener import MAX_VARIABLES
from tests.attack.served import ANSWERS, SILENCE_S, Served, code, forwarded, header, reply_to
from tests.kamailio.rig import Peer
from tests.programs import WAIT_S
from tests.test_listener import TRUE, listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from runner.hosts.embedded.host import MessageHost


# Loops.


OWN_SPELLINGS = [
    "0.0.0.0",  # noqa: S104 - a destination
    "127.0.0.1", "0.1.2.3", "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[::ffff:0.0.0.0]", "[::1%lo]", "127.1", "127.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.01",
    "localhost", "255.255.255.255", "127.255.255.255", "224.0.0.1", "239.255.255.250", "240.0.0.1", "[ff02::1]",
]  # fmt: skip


@pytest.mark.parametrize("host", OWN_SPELLINGS)
def test_a_request_for_the_listener_itself_runs_once_and_is_answered(served: Served, caller: Peer, host: str) -> None:
    """``sip:b@0.0.0.0:PORT`` with Max-Forwards 100000 ran the script 800 times."""
    request = caller.request("INVITE", f"sip:b@{host}:{served.port}").replace(b"s: 70", b"s: 100000")

    answer = caller.ask(request)

    assert code(answer) in {404, 477, 478}
    served.settled()
    assert len(served.execs) <= 1
    assert served.count("forwarded") == 0
    assert served.count("answered") == 1


@pytest.mark.parametrize(
    "host", ["[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::0.0.0.1]", "[::1%lo]", "[::ffff:127.0.0.1]"]
)
def test_a_request_for_the_listener_itself_runs_once_over_ipv6(host: str) -> None:
    with (
        Served(ip="::1") as served,
        Peer(served.port) as peer,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock,
    ):
        sock.bind(("::1", 0))
        sock.settimeout(WAIT_S)
        sock.sendto(peer.request(uri=f"sip:b@{host}:{served.port}"), ("::1", served.port))

        assert code(sock.recv(65535)) in {404, 477, 478}
        assert (len(served.execs), served.count("forwarded")) == (1, 0)


@pytest.mark.parametrize("host", OWN_SPELLINGS)
def test_a_script_cannot_send_a_request_to_the_listener_itself(host: str) -> None:
    def sets_du(message: MessageHost) -> None:
        message.set_s("$du", f"sip:{host}:{alone.port}")

    with Served(sets_du) as alone, Peer(alone.port) as caller:
        assert code(caller.ask(caller.request())) in {404, 477, 478}
        assert alone.count("forwarded") == 0


def test_a_datagram_to_the_unspecified_address_arrives_at_the_local_host() -> None:
    """This is why 0.0.0.0 is refused: on Linux it means 127.0.0.1."""
    with Peer(9) as home, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"hello", ("0.0.0.0", home.port))  # noqa: S104 - a destination

        assert home.receive() == b"hello"


class Returns:
    """A next hop that sends each request back as a proxy does, with its own Via, until it is answered."""

    def __init__(self, served: Served, sock: socket.socket, change: Callable[[bytes], bytes]) -> None:
        self.seen = 0
        self.answer = 0
        sock.settimeout(WAIT_S)
        while not self.answer and self.seen < 1000:
            message = sock.recv(65535)
            if message.startswith(b"SIP/2.0"):
                self.answer = code(message)
                break
            self.seen += 1
            line, _, rest = message.partition(b"\r\n")
            via = b"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK-%d\r\n" % (sock.getsockname()[1], self.seen)
            sock.sendto(change(line + b"\r\n" + via + rest), ("127.0.0.1", served.port))


@pytest.mark.parametrize(
    ("change", "answer", "most"),
    [
        (lambda request: request, 482, 3),
        (lambda request: re.sub(rb"sip:b\d*@", b"sip:b%d@" % len(request), request, count=1), 483, 70),
        (lambda request: re.sub(rb"Max-Forwards: \d+\r\n", b"", request), 482, 3),
        (
            lambda request: re.sub(
                rb"sip:b\d*@",
                b"sip:b%d@" % len(request),
                re.sub(rb"Max-Forwards: \d+", b"Max-Forwards: 255", request),
                count=1,
            ),
            483,
            70,
        ),
    ],
    ids=["unchanged", "another user each time", "without Max-Forwards", "both"],
)
def test_a_request_that_comes_back_ends(change: Callable[[bytes], bytes], answer: int, most: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with Served(lambda message: message.set_s("$du", f"sip:127.0.0.1:{other.getsockname()[1]}")) as served:
            with Peer(served.port) as caller:
                caller.send(caller.request(uri="sip:b@192.0.2.1").replace(b"s: 70", b"s: 100000"))

            returned = Returns(served, other, change)

            assert returned.answer == answer
            assert 0 < returned.seen <= most
            assert len(served.execs) <= most


def test_a_request_may_come_back_once_from_where_a_script_sent_it() -> None:
    """A next hop adds something and returns it. The script sees who sent it, and then sends it elsewhere."""
    with Peer(9) as phone, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(WAIT_S)
        port = other.getsockname()[1]

        def routes(message: MessageHost) -> None:
            message.set_s("$du", f"sip:127.0.0.1:{phone.port if message.get_s('$sp') == str(port) else port}")

        with Served(routes) as served, Peer(served.port) as caller:
            caller.send(caller.request("INVITE"))
            line, _, rest = other.recv(65535).partition(b"\r\n")
            via = b"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK-other\r\n" % port
            other.sendto(line + b"\r\n" + via + rest, ("127.0.0.1", served.port))

            assert len(header(phone.receive(), b"Via")) == 4


@pytest.mark.parametrize(
    ("hops", "sent"),
    [
        ("100000", b"70"), ("255", b"70"), ("71", b"70"), ("70", b"69"), ("1", b"0"), ("007", b"6"),
        ("9" * 5000, b"70"), ("0" * 5000 + "9", b"8"), ("-1", b"70"), ("x", b"70"), ("", b"70"),
    ],
)  # fmt: skip
def test_a_request_has_at_most_70_hops_left(served: Served, bystander: Peer, hops: str, sent: bytes) -> None:
    with Peer(served.port) as caller:
        request = caller.request(uri=f"sip:b@127.0.0.1:{bystander.port}")
        caller.send(request.replace(b"Max-Forwards: 70", b"Max-Forwards: " + hops.encode()))

    assert header(bystander.receive(), b"Max-Forwards") == [sent]


@pytest.mark.parametrize("hops", ["0", "00", "0" * 5000])
def test_a_request_without_hops_goes_nowhere(caller: Peer, hops: str) -> None:
    request = caller.request(uri="sip:b@127.0.0.1:9").replace(b"s: 70", b"s: " + hops.encode())

    assert code(caller.ask(request)) == 483


def with_vias(request: bytes, count: int, *, in_one_line: bool = False) -> bytes:
    """The request with ``count`` more Vias below its own."""
    bodies = [b"SIP/2.0/UDP 1.1.1.1:%d;branch=z9hG4bK%d" % (number + 1, number) for number in range(count)]
    head, mark, rest = request.partition(b"\r\nMax-Forwards")
    lines = [b"Via: " + b", ".join(bodies)] if in_one_line else [b"Via: " + body for body in bodies]
    return b"\r\n".join([head, *lines]) + mark + rest


@pytest.mark.parametrize("in_one_line", [True, False])
@pytest.mark.parametrize(("more", "answer"), [(69, 200), (70, 483), (900, 483)])
def test_a_request_with_too_many_vias_does_not_reach_the_script(*, more: int, answer: int, in_one_line: bool) -> None:
    with Served(action=ANSWERS) as served, Peer(served.port) as caller:
        assert code(caller.ask(with_vias(caller.request(), more, in_one_line=in_one_line))) == answer
        assert len(served.execs) == (answer == 200)


# Ports, and what cannot be sent.


@pytest.mark.parametrize("port", ["99999", "65536", "0", "00000", "5060x", "9" * 5000, "-1"])
def test_an_invalid_port_is_answered(served: Served, caller: Peer, port: str) -> None:
    assert code(caller.ask(caller.request(uri=f"sip:b@127.0.0.1:{port}"))) == 478
    assert served.count("forwarded") == 0


@pytest.mark.parametrize("port", ["99999", "0"])
def test_an_invalid_port_that_a_script_sets_is_answered(port: str) -> None:
    with (
        Served(lambda message: message.set_s("$du", f"sip:127.0.0.1:{port}")) as served,
        Peer(served.port) as caller,
    ):
        assert code(caller.ask(caller.request(uri="sip:b@127.0.0.1:9"))) in {477, 478}


def test_a_via_of_thousands_of_parameters_is_malformed(served: Served, caller: Peer) -> None:
    caller.send(caller.request().replace(b";rport", b";rport" + b";a" * 30_000))
    served.settled()

    assert (served.execs, served.count("malformed"), served.count("answered")) == ([], 1, 0)


@pytest.mark.parametrize("port", ["99999", "0", "x", "9" * 5000, "+5060", "50 60"])
@pytest.mark.parametrize("rport", [b"", b";rport"])
def test_a_via_with_an_invalid_port_is_malformed(served: Served, caller: Peer, port: str, rport: bytes) -> None:
    via = re.sub(
        rb"127\.0\.0\.1:\d+;branch=z9hG4bK-1;rport",
        b"127.0.0.1:%b;branch=z9hG4bK-1%b" % (port.encode(), rport),
        caller.request(),
    )
    caller.send(via)
    served.settled()

    assert served.count("malformed") == 1
    assert (served.execs, served.count("answered")) == ([], 0)


@pytest.mark.parametrize("rport", ["99999", "0", "x", "9" * 5000])
def test_the_rport_that_a_caller_writes_does_not_matter(rport: str) -> None:
    with Served(action=ANSWERS) as served, Peer(served.port) as caller:
        assert code(caller.ask(caller.request().replace(b";rport", b";rport=" + rport.encode()))) == 200


def test_a_request_that_cannot_be_sent_is_answered(caller: Peer) -> None:
    """A broadcast, which the kernel refuses, and a datagram that grows beyond what one holds."""
    assert code(caller.ask(caller.request(uri="sip:b@127.255.255.255"))) == 477
    full = caller.request(uri="sip:b@127.0.0.1:9")
    assert (
        code(caller.ask(full.replace(b"Content-Length: 0\r\n", b"X: " + b"x" * (65500 - len(full)) + b"\r\n"))) == 477
    )


def test_an_answer_that_is_longer_than_a_datagram_is_dropped() -> None:
    def adds(message: MessageHost) -> None:
        message.hdr_append_to_reply("X: " + "x" * 66000 + "\r\n")

    with Served(adds, ANSWERS) as served, Peer(served.port) as caller:
        caller.send(caller.request())
        served.settled()

        assert (served.count("dropped"), served.count("answered")) == (1, 0)


def test_edits_that_leave_no_valid_message_are_answered() -> None:
    def breaks(message: MessageHost) -> None:
        message.set_s("$ru", "sip:b@127.0.0.1:9")
        message.hdr_remove("Via")
        message.set_s("$du", "sip:127.0.0.1:9")

    with Served(breaks) as served, Peer(served.port) as caller:
        assert code(caller.ask(caller.request())) in {400, 500}


@pytest.mark.skipif(os.geteuid() != 0, reason="a datagram from port 0 takes a raw socket: run as root")
def test_a_datagram_from_port_0_is_not_answered() -> None:
    with Served(action=ANSWERS) as served, Peer(served.port) as caller:
        payload = caller.request()
        datagram = struct.pack("!4H", 0, served.port, 8 + len(payload), 0) + payload
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
            raw.sendto(datagram, ("127.0.0.1", 0))
        served.settled()

        assert (len(served.execs), served.count("dropped"), served.count("answered")) == (1, 1, 0)


# Sizes.


@pytest.mark.parametrize("length", ["5", "99999"])
def test_a_request_whose_body_is_shorter_than_its_length_reaches_no_script(
    served: Served, caller: Peer, length: str
) -> None:
    request = caller.request().replace(b"Content-Length: 0", b"Content-Length: " + length.encode()) + b"body"

    caller.send(request)
    served.settled()

    assert served.execs == []
    assert code(caller.receive()) == 400


@pytest.mark.parametrize("header", ["l: 1", "Content-Length: " + "9" * 5000, "content-length : 1x", "l: 1 1"])
def test_a_request_whose_length_is_no_number_reaches_no_script_and_cannot_be_answered(
    served: Served, caller: Peer, header: str
) -> None:
    """A next hop that reads a stream could take its body for another request; Kamailio can make no reply to it."""
    is_number = header == "l: 1"

    caller.send(caller.request().replace(b"Content-Length: 0", header.encode()) + b"b")
    served.settled()

    assert len(served.execs) == is_number
    assert (caller.receive(0.3) is None, served.count("dropped")) == (not is_number, not is_number)


def test_bytes_after_the_body_are_not_forwarded(caller: Peer, bystander: Peer) -> None:
    """A next hop that reads a stream could take it for another request."""
    request = caller.request(uri=f"sip:b@127.0.0.1:{bystander.port}")
    hidden = request.replace(b"OPTIONS", b"BYE")

    caller.send(request.replace(b"Content-Length: 0", b"Content-Length: 4") + b"body" + hidden)

    assert (bystander.receive() or b"").endswith(b"\r\n\r\nbody")


def test_a_reply_whose_body_is_shorter_than_its_length_is_dropped(served: Served, caller: Peer) -> None:
    with Peer(served.port) as phone:
        reply = reply_to(forwarded(caller, phone))
        phone.send(reply.replace(b"Content-Length: 0", b"Content-Length: 7"))
        served.settled()

        assert served.count("dropped") == 1
        assert caller.receive(SILENCE_S) is None


@pytest.mark.parametrize("size", [1500, 9000, 65507])
def test_a_datagram_of_any_size_is_answered(size: int) -> None:
    with Served(action=ANSWERS) as served, Peer(served.port) as caller:
        request = caller.request()
        padded = request.replace(
            b"Content-Length: 0", b"X: " + b"x" * (size - len(request) - 5) + b"\r\nContent-Length: 0"
        )
        assert len(padded) == size

        assert code(caller.ask(padded)) == 200


@pytest.mark.parametrize("kind", ["var", "shv"])
def test_variables_named_by_callers_are_dropped_when_there_are_too_many(kind: str) -> None:
    def remembers(message: MessageHost) -> None:
        read.append(message.get_s(f"${kind}(0)"))
        if message.get_s("$rU") == "many":
            for number in range(MAX_VARIABLES + 1):
                message.set_s(f"${kind}({number})", "x")

    read: list[str | None] = []
    with Served(remembers, ANSWERS) as served, Peer(served.port) as caller:
        for user in ("many", "bob", "bob"):
            assert code(caller.ask(caller.request(uri=f"sip:{user}@example.com"), WAIT_S)) == 200

    assert read == ["0", "0", "0"]


def test_one_request_has_one_answer_however_often_a_script_answers() -> None:
    def answers(message: MessageHost) -> None:
        for _ in range(5):
            message.modf("sl_reply_error")

    with Served(answers) as served, Peer(served.port) as caller:
        assert code(caller.ask(caller.request())) == 500
        served.settled()
        assert caller.receive(SILENCE_S) is None


def test_an_ack_is_never_answered(served: Served, caller: Peer) -> None:
    for uri in ("sip:example.com", "sip:127.0.0.1:99999", f"sip:0.0.0.0:{served.port}", "sip:127.255.255.255"):
        caller.send(caller.request("ACK", uri))
    caller.send(with_vias(caller.request("ACK"), 80))
    served.settled()

    assert served.count("answered") == 0
    assert caller.receive(SILENCE_S) is None


def test_the_listener_of_the_command_line_does_not_loop(tmp_path: Path, stack: ExitStack) -> None:
    listener = listening(stack, tmp_path, TRUE)
    caller = stack.enter_context(Peer(listener.port))

    answer = caller.ask(caller.request(uri=f"sip:b@0.0.0.0:{listener.port}").replace(b"s: 70", b"s: 100000"))

    assert code(answer) == 478
    assert listener.stop() == 0
    assert (listener.counts()["requests"], listener.counts()["forwarded"]) == (1, 0)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack
