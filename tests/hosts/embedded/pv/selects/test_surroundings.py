"""Selects of the transport and of the branches; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

import calendar
import os
import time
from typing import TYPE_CHECKING

from tests.hosts.embedded.reading import is_unknown, values

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


def test_ends_have_their_parts_apart(host: MessageHost) -> None:
    assert values(host, "src.ip src.port dst.port dst.ip_port received.ip received.port received.ip_port") == [
        "127.0.0.1",
        "5160",
        "5100",
        "127.0.0.1:5100",
        "127.0.0.1",
        "5100",
        "127.0.0.1:5100",
    ]
    assert [is_unknown(host, select) for select in ("src.proto", "dst.proto", "sys", "received")] == [True] * 4


def test_the_time_is_a_number_or_in_a_format(host: MessageHost) -> None:
    before = int(time.time())
    now, gmt = values(host, "sys.now sys.now.gmt")

    assert before <= int(now or "") <= time.time()
    assert before <= calendar.timegm(time.strptime(gmt or "")) <= time.time()
    assert values(host, 'sys.now.utc["%%"] sys.now.local["%%x"] sys.pid') == ["%", "%x", str(os.getpid())]


def test_a_branch_has_a_destination_and_no_negative_number(host: MessageHost) -> None:
    host.set_s("$br", "sip:x@h")
    before = values(host, "branch.dst_uri branch.uri[-1] branch.uri[1]")
    host.set_s("$branch(dst_uri)", "sip:y@g:5")

    assert before == [None, None, None]
    assert values(host, "branch.dst_uri[0].port") == ["5"]
