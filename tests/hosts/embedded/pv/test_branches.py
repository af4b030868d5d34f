"""Further destinations of a request; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.calls import FAILED

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.mark.parametrize(("weight", "read", "listed"), [(-1, None, "sip:x@y"), (-2, "-2", "<sip:x@y>;q=0")])
def test_a_weight_of_minus_one_is_none(host: MessageHost, weight: int, read: str | None, listed: str) -> None:
    assert (host.set_s("$br", "sip:x@y"), host.set_i("$branch(q)", weight)) == (0, 0)
    assert (host.get_s("$branch(q)"), host.get_s("$bR")) == (read, listed)


@pytest.mark.parametrize(
    ("name", "longest"),
    [
        ("$br", 1023),
        ("$branch(uri)", 1023),
        ("$branch(dst_uri)", 1023),
        ("$branch(path)", 255),
        ("$sbranch(uri)", 1023),
        ("$sbranch(dst_uri)", 1023),
        ("$sbranch(path)", 255),
    ],
)
def test_a_branch_has_room_for_1023_bytes_of_a_uri_and_255_of_a_path(
    host: MessageHost, name: str, longest: int
) -> None:
    host.set_s("$br", "sip:b@example.com")
    host.set_s("$sbranch(uri)", "sip:b@example.com")

    assert (host.set_s(name, "x" * (longest + 1)), host.set_s(name, "x" * longest)) == (FAILED, 0)


def test_a_destination_set_of_more_than_4093_bytes_is_null(host: MessageHost) -> None:
    for size in (1023, 1023, 1023, 1001):
        host.set_s("$br", "x" * size)

    assert len(host.get_s("$ds") or "") == 4093
    host.set_s("$(branch(uri)[3])", "x" * 1002)
    assert host.is_null("$ds") == 1
