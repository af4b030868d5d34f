"""Variables of a transaction where there is none, as a Kamailio 5.6.3 and a 6.0.1 answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded import versions

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_the_socket_of_what_is_sent_has_no_other_parts(host: MessageHost) -> None:
    assert [host.is_null(f"$sndto({part})") for part in ("ip", "sproto", "sip", "sport", "x")] == [1, 1, -1, -1, -1]


def test_no_transaction_has_to_be_sought_for_the_reason_of_a_reply() -> None:
    assert versions.both("$T_reply_reason", versions.message("Call-ID: 2")) == [None, ""]
    assert [host.modf("t_precheck_trans") for host in versions.hosts(versions.message(first="SIP/2.0 200 OK"))] == [
        -2,
        -1,
    ]


@pytest.mark.parametrize(("is_sought", "ruid"), [(False, None), (True, "")])
def test_the_reason_of_a_reply_seeks_a_transaction_which_is_not_sought_again(
    ruid: str | None, *, is_sought: bool
) -> None:
    for host in versions.hosts(versions.message()):
        reason = host.get_s("$T_reply_reason") if is_sought else ""
        done = host.hdr_append("CSEQ:\r\n"), host.modf("msg_apply_changes")

        assert (reason, done, host.get_s("$T_reply_ruid")) == ("", (0, 1), ruid)


@pytest.mark.parametrize(
    ("name", "is_null"),
    [
        ("$T(id_index)", 1),
        ("$T(x)", -1),
        ("$T_req($ru)", 1),
        ("$T_inv($ru)", 1),
        ("$T_reply_last", -1),
        ("$conid", 1),
        ("$ltt(t)", 1),
        ("$ltt(s)", 0),
        ("$ltt(z)", -1),
        ("$hfitname(a)", 1),
        ("$blitval(a)", 1),
        ("$rcv(buf)", 1),
    ],
)
def test_without_a_transaction_an_iterator_or_an_event_there_is_nothing_to_show(
    host: MessageHost, name: str, is_null: int
) -> None:
    assert host.is_null(name) == is_null


def test_a_received_datagram_is_not_written(host: MessageHost) -> None:
    assert host.set_s("$rcv(buf)", "x") == -1
