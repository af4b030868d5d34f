"""Selects of the transport and of the branches; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.hosts.embedded.reading import values

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_where_the_message_came_from_and_to(host: MessageHost) -> None:
    assert values(host, "src.ip_port dst.ip received.proto received.proto_ip_port sys.server_id") == [
        "127.0.0.1:5160",
        "127.0.0.1",
        "udp",
        "udp:127.0.0.1:5100",
        "7",
    ]


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
