"""What a build does to a body that set_body_multipart made (core/msg_translator.c, check_boundaries)."""

from __future__ import annotations

from runner.hosts.embedded.context import Address, Socket
from runner.hosts.embedded.host import MessageHost

HEAD = (
    b"OPTIONS sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
)
OPEN, CLOSED = "\r\n--unique-boundary-1\r\n", "\r\n--unique-boundary-1--\r\n"


def multipart(types: bytes, body: bytes) -> MessageHost:
    host = MessageHost(HEAD + types + b"\r\n" + body, received_on=Socket(Address("127.0.0.1", 5060)))
    assert host.modf("set_body_multipart") == 1
    return host


def body_after_changes(host: MessageHost) -> str:
    assert host.modf("msg_apply_changes") == 1
    return host.get_s("$rb") or ""


def test_the_second_build_puts_dashes_behind_the_last_boundary() -> None:
    host = multipart(b"Content-Type: a/b\r\nContent-Length: 1\r\n", b"x")

    first, second, third = (body_after_changes(host) for _ in range(3))

    assert (first.endswith(OPEN), second) == (True, first.removesuffix(OPEN) + CLOSED)
    assert third == second
    assert host.get_i("$cl") == len(second)


def test_what_is_sent_after_one_build_has_its_dashes() -> None:
    host = multipart(b"Content-Type: a/b\r\nContent-Length: 1\r\n", b"x")
    body_after_changes(host)

    sent = host.forwarded()

    assert sent is not None
    assert sent.endswith(CLOSED.encode())


def test_a_first_type_that_names_no_boundary_leaves_the_body_alone() -> None:
    host = multipart(b"Content-Type:\r\nContent-Type:\r\n", b"x")

    assert len({body_after_changes(host) for _ in range(3)}) == 1


def test_the_boundary_of_the_old_type_cuts_the_body_at_the_first_build() -> None:
    body = b"preamble\r\n--y\r\nhello\r\n--y--\r\n"
    host = multipart(b"Content-Type: a/b;boundary=y\r\nContent-Length: %d\r\n" % len(body), body)

    assert body_after_changes(host) == "--y\r\nhello\r\n--y--\r\n"


def test_mbu_mends_it_too_and_only_once() -> None:
    body = b"--y\r\nhello\r\n--y\r\n"
    host = multipart(b"Content-Type: a/b;boundary=y\r\nContent-Length: %d\r\n" % len(body), body)

    built = host.get_s("$mbu") or ""

    assert built.endswith("\r\n\r\n--y\r\nhello\r\n--y--\r\n")
    assert not host.context.is_multipart
