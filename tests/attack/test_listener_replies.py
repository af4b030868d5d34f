"""Replies that answer no request, or another caller's request: the listener relays none of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.attack.served import ANSWERS, SILENCE_S, Served, code, forwarded, header, reply_to
from tests.kamailio.rig import Peer

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_forged_reply_is_relayed_to_nobody(served: Served, bystander: Peer) -> None:
    with Peer(served.port) as attacker:
        for branch in ("z9hG4bK1", "z9hG4bK" + "0" * 48, "", "z9hG4bK" + "\u00e9"):
            attacker.send(
                f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:{served.port};branch={branch}\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{bystander.port};branch=z9hG4bKx\r\n"
                "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n".encode()
            )
    served.settled()

    assert bystander.receive(SILENCE_S) is None
    # The one with an empty branch has no Via that can be read.
    refused = served.count("foreign_replies"), served.count("malformed")
    assert (*refused, served.count("forwarded")) == (3, 1, 0)


CHANGES = {
    "the second Via leads to another port": (rb"rport=\d+", b"rport=PORT"),
    "without rport": (rb":\d+(;received=[^;]*)?;branch=z9hG4bK-1;rport=\d+", b":PORT;branch=z9hG4bK-1"),
    "the second Via was received elsewhere": (rb"received=127.0.0.1", b"received=127.0.0.2"),
    "a Via is put in between": (
        rb"(Via: [^\r]*\r\n)",
        rb"\1Via: SIP/2.0/UDP 127.0.0.1:PORT;branch=z9hG4bK-1\r\n",
    ),
    "another branch of the caller": (rb"z9hG4bK-1", b"z9hG4bK-2"),
    "another Call-ID": (rb"Call-ID: 1", b"Call-ID: 2"),
    "another caller": (rb"tag=a1", b"tag=a2"),
    "another CSeq": (rb"CSeq: 1", b"CSeq: 2"),
    "no second Via": (rb"\r\nVia: [^\r]*z9hG4bK-1[^\r]*", b""),
    "no Via": (rb"(\r\nVia: [^\r]*)+", b""),
    "another socket": (rb"(?<=UDP 127.0.0.1:)\d+", b"PORT"),
    "half of the branch": (rb"(branch=z9hG4bK[0-9a-f]{24})[0-9a-f]{24}", rb"\1"),
    "the half for loops changed": (rb"(branch=z9hG4bK)[0-9a-f]", rb"\1x"),
    "a port that is none": (rb"rport=\d+", b"rport=99999"),
    "port 0": (rb"rport=\d+", b"rport=0"),
    "a port of 5000 digits": (rb"rport=\d+", b"rport=" + b"9" * 5000),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_observed_branch_is_valid_only_for_its_own_reply(
    served: Served, caller: Peer, bystander: Peer, change: tuple[bytes, bytes]
) -> None:
    with Peer(served.port) as phone:
        genuine = reply_to(forwarded(caller, phone))
        wanted, instead = change
        forged = re.sub(wanted, instead.replace(b"PORT", b"%d" % bystander.port), genuine, count=1)
        assert forged != genuine

        phone.send(forged)
        served.settled()

        assert bystander.receive(SILENCE_S) is None
        assert caller.receive(SILENCE_S) is None
        assert served.count("foreign_replies") + served.count("malformed") == 1
        phone.send(genuine)
        assert code(caller.receive()) == 200


@pytest.mark.parametrize(
    "written",
    [
        lambda reply: reply.replace(b"Via: ", b"v:   "),
        lambda reply: re.sub(rb"\r\nVia: ([^\r]*)\r\nVia: ", rb"\r\nVia: \1 , ", reply),
        lambda reply: reply.replace(b";branch", b" ; branch").replace(b"CSeq: 1 ", b"CSeq:  1   "),
        lambda reply: reply.replace(
            b"From: Alice <sip:alice@example.com>;tag=a1", b"f: <sip:alice@example.com> ;tag=a1"
        ),
        lambda reply: reply.replace(b"200 OK", b"603 No"),
    ],
    ids=["short name", "one line", "blanks", "From", "another code"],
)
def test_a_phone_may_format_its_reply_differently(
    served: Served, caller: Peer, written: Callable[[bytes], bytes]
) -> None:
    with Peer(served.port) as phone:
        phone.send(written(reply_to(forwarded(caller, phone))))

        assert code(caller.receive()) in {200, 603}


def test_a_reply_for_an_earlier_run_of_the_listener_is_foreign(caller: Peer, served: Served) -> None:
    with Peer(served.port) as phone:
        reply = reply_to(forwarded(caller, phone))
        with Served() as other:
            own, others = (b"127.0.0.1:%d" % which.port for which in (served, other))
            with Peer(other.port) as peer:
                peer.send(reply.replace(own, others))
            other.settled()

            assert other.count("foreign_replies") == 1


def test_one_transaction_has_one_branch_and_another_has_another(served: Served, caller: Peer) -> None:
    with Peer(served.port) as phone:

        def branch(method: str, call_id: str = "1", extra: bytes = b"") -> bytes:
            request = caller.request(method, f"sip:b@127.0.0.1:{phone.port}", call_id=call_id)
            caller.send(request.replace(b">\r\nCall-ID", b">" + extra + b"\r\nCall-ID"))
            return header(phone.receive(), b"Via")[0]

        invite = branch("INVITE")

        assert branch("INVITE") == invite, "sent again"
        assert branch("CANCEL") == invite
        assert branch("ACK", extra=b";tag=phone") == invite
        assert branch("INVITE", call_id="2") != invite
        caller.send(
            b"SIP/2.0 180 Ringing\r\nVia: %b\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\n"
            b"Call-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n" % invite
        )
        served.settled()
        assert served.count("foreign_replies") == 1


def test_received_and_rport_of_a_caller_do_not_redirect_the_reply(
    served: Served, caller: Peer, bystander: Peer
) -> None:
    """A caller can write anything there; the listener replaces it by what it saw."""
    claims = f";received=127.0.0.2;rport={bystander.port};received=127.0.0.3;branch"
    with Peer(served.port) as phone:
        request = caller.request("INVITE", f"sip:b@127.0.0.1:{phone.port}")
        caller.send(request.replace(b";branch", claims.encode()).replace(b";rport\r\n", b"\r\n"))

        phone.send(reply_to(phone.receive()))

        assert code(caller.receive()) == 200
        assert bystander.receive(SILENCE_S) is None


def test_an_answer_never_goes_to_the_listener_itself() -> None:
    """Its own port in the Via of a request from its own address."""
    with Served(action=ANSWERS) as served, Peer(served.port) as caller:
        own = re.sub(
            rb"127\.0\.0\.1:\d+;branch=z9hG4bK-1;rport",
            b"127.0.0.1:%d;branch=z9hG4bK-1" % served.port,
            caller.request(),
        )
        caller.send(own)
        served.settled()

        assert (len(served.execs), served.count("replies"), served.count("dropped")) == (1, 0, 1)
