"""Branches, flags and sockets by KSR, as a Kamailio 5.6.3 answered."""

from __future__ import annotations

import pytest

from tests.hosts.embedded.reading import request


@pytest.mark.parametrize(
    ("q", "value", "shown"),
    [
        ("", 1, "sip:c@d"),
        ("0.5", 1, "<sip:c@d>;q=0.5"),
        ("1.0", 1, "<sip:c@d>;q=1"),
        (".12345", 1, "<sip:c@d>;q=0.123"),
        ("0", 1, "<sip:c@d>;q=0"),
        ("2", -1, None),
        ("1.1", -1, None),
        ("0.", -1, None),
    ],
)
def test_a_branch_has_a_weight(q: str, value: int, shown: str | None) -> None:
    host = request()

    assert (host.ksr("corex.append_branch_uri_q", ["sip:c@d", q]), host.get_s("$bR")) == (value, shown)


def test_a_branch_without_a_uri_is_the_request_uri_with_its_destination() -> None:
    host = request()
    host.set_s("$du", "sip:192.0.2.1")

    assert host.ksr("corex.append_branch_uri", [""]) == 1
    assert (host.get_s("$br"), host.get_s("$branch(dst_uri)"), host.get_s("$du")) == (
        "sip:bob@example.com", "sip:192.0.2.1", None,
    )  # fmt: skip


def test_more_flags_are_64() -> None:
    host = request()

    assert [host.ksr("corex.setxflag", [flag]) for flag in (0, 63, 64, -1)] == [1, 1, -1, -1]
    assert [host.ksr("corex.isxflagset", [flag]) for flag in (0, 1, 63, 64)] == [1, -1, 1, -1]
    assert (host.ksr("corex.resetxflag", [63]), host.ksr("corex.isxflagset", [63])) == (1, -1)


def test_a_socket_is_chosen_by_address_or_by_name() -> None:
    host = request()

    assert (host.ksr("corex.set_send_socket", ["udp:127.0.0.1:5101"]), host.get_s("$fs")) == (1, "udp:127.0.0.1:5101")
    assert (host.ksr("corex.set_send_socket_name", ["MAIN"]), host.get_s("$fs")) == (1, "udp:127.0.0.1:5100")
    assert (host.ksr("corex.set_send_socket_name", ["none"]), host.get_s("$fs")) == (1, "udp:127.0.0.1:5100")
    assert (host.ksr("corex.set_send_socket", ["udp:"]), host.ksr("corex.set_send_socket", [""])) == (-1, 1)
    assert host.get_s("$fs") is None
    assert [host.ksr("corex.is_socket_name", [name]) for name in ("alt", "none", "")] == [1, -1, -1]


def test_the_own_via_may_name_the_server() -> None:
    host = request()
    host.ksr("corex.via_add_srvid", [1])

    assert (host.forwarded() or b"").split(b"\r\n")[1].endswith(b";branch=z9hG4bK0;srvid=7")


def test_no_entry_is_one_of_a_branch_or_failure_here() -> None:
    host = request()

    assert [host.ksr(f"tmx.t_is_{kind}_route", []) for kind in ("branch", "failure")] == [-1, -1]
    assert (host.ksr("corex.has_ruri_user", []), host.ksr("corex.has_user_agent", [])) == (1, -1)
