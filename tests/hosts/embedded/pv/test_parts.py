"""The message as text; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import MESSAGE, NINES, ZEROS

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_a_byte_of_the_first_line_can_be_written_whatever_becomes_of_it(host: MessageHost) -> None:
    assert (host.set_s("$msgbuf(6)", "X"), host.get_s("$msgbuf(6)")) == (0, "X\0")


@pytest.mark.parametrize(
    ("name", "is_null"),
    [
        ("$msgbuf(+5)", 0),
        (f"$msgbuf(-{ZEROS})", 0),
        ("$msgbuf(2147483648)", -1),
        (f"$msgbuf({NINES})", -1),
    ],
)
def test_a_number_as_a_name_fits_32_bits(host: MessageHost, name: str, is_null: int) -> None:
    assert host.is_null(name) == is_null


def test_a_written_byte_is_seen_by_what_is_parsed(host: MessageHost) -> None:
    assert (host.get_s("$msgbuf(0)"), host.set_s("$msgbuf(0)", "JK"), host.get_s("$rm")) == ("I\0", 0, "JNVITE")


def test_a_byte_is_read_and_written_inside_the_message(host: MessageHost) -> None:
    host.set_i("$var(i)", 7)

    assert host.get_s("$msgbuf($var(i))") == "s\0"
    assert [host.is_null("$msgbuf(-1)"), host.is_null("$msgbuf(99999)")] == [1, 1]
    assert [host.set_s("$msgbuf(99999)", "x"), host.set_s("$msgbuf(1)", "")] == [-1, -1]


def test_parts_of_a_message(host: MessageHost) -> None:
    assert [host.get_s(f"$msg({part})") for part in ("fline", "hdrc", "body_len", "body")] == [
        "INVITE sip:bob@example.com SIP/2.0",
        "8",
        "0",
        "",
    ]
    assert host.get_i("$msg(len)") == host.get_i("$ml") == len(MESSAGE)
    assert host.is_null("$msg(x)") == -1


def test_a_text_with_expressions_in_it(host: MessageHost) -> None:
    host.set_i("$var(i)", 7)

    assert host.get_s("$_s(a$rU$var(i)b)") == "abob7b"


def test_6_0_builds_a_message_whose_first_line_was_broken() -> None:
    older, newer = versions.hosts(versions.message(first="OPTIONS sip:b@b.example SIP/2.0"))
    for host in (older, newer):
        host.set_s("$rU", " ")
        assert host.modf("msg_apply_changes") == 0

    assert older.get_s("$mbu") is None
    assert (newer.get_s("$mbu") or "").startswith("OPTIONS sip: @b.example SIP/2.0\r\n")
