"""Hops, as a Kamailio 5.6.3 counted them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded.reading import MESSAGE, having

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def hops(text: str) -> MessageHost:
    return having(MESSAGE.replace(b"Max-Forwards: 70\r\n", text.encode()))


@pytest.mark.parametrize(
    ("header", "value", "body"),
    [
        ("Max-Forwards: 70\r\n", 1, "69"),
        ("Max-Forwards: 10\r\n", 1, " 9"),
        ("Max-Forwards: 255\r\n", 1, " 70"),
        ("Max-Forwards: 1 \r\n", 1, "0 "),
        ("Max-Forwards: 0\r\n", -1, "0"),
        ("Max-Forwards: x\r\n", -2, "x"),
        ("Max-Forwards: 123456\r\n", -2, "123456"),
        ("", 2, None),
    ],
)
def test_one_hop_less_is_written_over_the_number_that_came(header: str, value: int, body: str | None) -> None:
    host = hops(header)

    assert (host.ksr("maxfwd.process_maxfwd", [10]), host.get_s("$hdr(Max-Forwards)")) == (value, body)
    assert len(host.context.message.data) == len(hops(header).context.message.data)


def test_a_request_without_the_header_gets_one_with_the_limit_in_front() -> None:
    host = hops("")
    host.ksr("maxfwd.process_maxfwd", [10])

    assert host.message_bytes().split(b"\r\n")[1] == b"Max-Forwards: 10"


@pytest.mark.parametrize(("limit", "value"), [(71, 1), (70, -1), (256, -1), (-1, -1)])
def test_hops_are_compared_with_a_limit(limit: int, value: int) -> None:
    assert hops("Max-Forwards: 70\r\n").ksr("maxfwd.is_maxfwd_lt", [limit]) == value


def test_a_missing_and_an_unreadable_number_have_values_of_their_own() -> None:
    assert [hops(text).ksr("maxfwd.is_maxfwd_lt", [9]) for text in ("", "Max-Forwards: x\r\n")] == [-2, -3]
