"""Variables of a transaction where there is none, as a Kamailio 5.6.3 and a 6.0.1 answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
