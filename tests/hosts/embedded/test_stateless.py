"""What a proxy without state knows from a message alone: RFC 3261, 16.11, 18.2.2 and 18.3, and RFC 3581."""

from __future__ import annotations

import pytest

from runner import sip
from runner.hosts.embedded.context import Address
from runner.hosts.embedded.stateless import (
    MAX_HOPS,
    Branches,
    ip_of,
    is_short,
    port_of,
    reply_address,
    why_not_to,
    without_excess,
)
from runner.sip.via import vias

OWN = Address("192.0.2.100", 5060)
CALLER = "SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKc"


def message(*via: str, line: str = "INVITE sip:b@192.0.2.2 SIP/2.0", call_id: str = "c1", body: str = "") -> bytes:
    head = [line, *(f"Via: {each}" for each in via), "From: <sip:a@a.example>;tag=a1", "To: <sip:b@b.example>"]
    return "\r\n".join(
        [*head, f"Call-ID: {call_id}", "CSeq: 1 INVITE", f"Content-Length: {len(body)}", "", body]
    ).encode()


def sent_on(branches: Branches, request: bytes, *behind: str) -> str:
    """The Via under which the request is sent on."""
    draft = sip.parse(message(f"SIP/2.0/UDP {OWN.ip};branch=z9hG4bK0", *behind))
    branch = branches.made_for(sip.parse(request), draft)
    assert branch is not None
    return f"SIP/2.0/UDP {OWN.ip};branch={branch}"


@pytest.mark.parametrize(
    ("text", "port"),
    [(None, 5060), (b"", 5060), (b"5070", 5070), (b"65535", 65535), (b"0", None), (b"65536", None), (b"+1", None)],
)
def test_a_port_is_a_number_from_1_to_65535_and_5060_when_it_is_missing(text: bytes | None, port: int | None) -> None:
    assert port_of(text) == port


@pytest.mark.parametrize(
    ("host", "ip"),
    [
        (b"192.0.2.1", "192.0.2.1"),
        (b"[2001:DB8:0::1]", "2001:db8::1"),
        (b"[::ffff:192.0.2.1]", "192.0.2.1"),
        (b"[fe80::1%eth0]", None),
        (b"b.example", None),
        (b"192.0.2.01", None),
        (b"\xff", None),
    ],
)
def test_a_host_is_an_address_in_one_way_of_writing_or_none(host: bytes, ip: str | None) -> None:
    assert ip_of(host) == ip


@pytest.mark.parametrize(
    ("ip", "port", "reason"),
    [
        ("192.0.2.2", 5060, ""),
        ("192.0.2.100", 5070, ""),
        ("192.0.2.100", 5060, "is this socket itself"),
        ("b.example", 5060, "is no IP address"),
        ("192.0.2.2", 0, "has no port"),
        ("0.0.0.0", 5060, "is no address of one host"),  # noqa: S104 - nothing is bound to it
        ("224.0.0.1", 5060, "is no address of one host"),
        ("255.255.255.255", 5060, "is no address of one host"),
        ("::192.0.2.2", 5060, "is no address of one host"),
        ("2001:db8::1", 5060, "is of another IP version"),
        ("::1", 5060, "is of another IP version"),
    ],
)
def test_a_request_goes_to_one_other_host_of_the_same_ip_version(ip: str, port: int, reason: str) -> None:
    why = why_not_to(Address(ip, port), OWN)

    assert (reason in why, bool(why)) == (True, bool(reason))


@pytest.mark.parametrize(
    ("via", "address"),
    [
        ("192.0.2.1", Address("192.0.2.1", 5060)),
        ("192.0.2.1:5070", Address("192.0.2.1", 5070)),
        ("b.example:5070;received=192.0.2.1", Address("192.0.2.1", 5070)),
        ("192.0.2.9;received=192.0.2.1;rport=5090", Address("192.0.2.1", 5090)),
        ("192.0.2.1:5070;rport", Address("192.0.2.1", 5070)),
        ("b.example", None),
        ("192.0.2.1;rport=0", None),
    ],
)
def test_a_reply_goes_where_received_and_rport_say(via: str, address: Address | None) -> None:
    assert reply_address(vias(sip.parse(message(f"SIP/2.0/UDP {via}")))[0]) == address


def test_a_reply_to_an_own_branch_finds_its_way_back() -> None:
    branches = Branches(OWN)
    own = sent_on(branches, message(CALLER), CALLER)

    assert branches.way_back(sip.parse(message(own, CALLER, line="SIP/2.0 200 OK"))) == Address("192.0.2.1", 5070)


def test_a_request_that_is_sent_again_has_the_same_branch_and_another_call_has_not() -> None:
    branches = Branches(OWN)

    first, again = (sent_on(branches, message(CALLER), CALLER) for _ in range(2))
    other = branches.made_for(sip.parse(message(CALLER, call_id="c2")), sip.parse(message("SIP/2.0/UDP h", CALLER)))

    assert first == again
    assert other is not None
    assert other not in first


@pytest.mark.parametrize(
    ("behind", "call_id"),
    [("SIP/2.0/UDP 192.0.2.66:5070;branch=z9hG4bKc", "c1"), (CALLER + "x", "c1"), (CALLER, "c2")],
)
def test_a_branch_cannot_be_taken_for_another_reply(behind: str, call_id: str) -> None:
    branches = Branches(OWN)
    own = sent_on(branches, message(CALLER), CALLER)

    assert branches.way_back(sip.parse(message(own, behind, line="SIP/2.0 200 OK", call_id=call_id))) is None


def test_a_reply_to_another_process_or_without_a_second_via_goes_nowhere() -> None:
    branches = Branches(OWN)
    own, other = (sent_on(each, message(CALLER), CALLER) for each in (branches, Branches(OWN)))

    assert branches.way_back(sip.parse(message(other, CALLER, line="SIP/2.0 200 OK"))) is None
    assert branches.way_back(sip.parse(message(own, line="SIP/2.0 200 OK"))) is None


def test_a_request_whose_caller_cannot_be_answered_has_no_branch() -> None:
    nameless = "SIP/2.0/UDP b.example;branch=z9hG4bKc"
    request, draft = sip.parse(message(nameless)), sip.parse(message(f"SIP/2.0/UDP {OWN.ip}", nameless))

    assert Branches(OWN).made_for(request, draft) is None


def test_a_request_has_looped_when_it_comes_from_the_same_place_for_the_same_uri() -> None:
    branches = Branches(OWN)
    own = sent_on(branches, message(CALLER), CALLER)
    looped, spiral = (
        sip.parse(message(CALLER, own, CALLER, line=f"INVITE {uri} SIP/2.0"))
        for uri in ("sip:b@192.0.2.2", "sip:c@192.0.2.2")
    )

    assert branches.why_refused(looped, vias(looped)) == ("482", "Loop Detected")
    assert branches.why_refused(spiral, vias(spiral)) is None


@pytest.mark.parametrize(("hops", "refused"), [(MAX_HOPS, None), (MAX_HOPS + 1, ("483", "Too Many Hops"))])
def test_a_request_has_at_most_seventy_hops(hops: int, refused: tuple[str, str] | None) -> None:
    request = sip.parse(message(*[CALLER] * hops))

    assert Branches(OWN).why_refused(request, vias(request)) == refused


@pytest.mark.parametrize(("length", "short"), [(b"3", False), (b"4", False), (b"5", True), (b"x", True), (b"-1", True)])
def test_a_body_that_is_shorter_than_its_length_says_is_refused(length: bytes, *, short: bool) -> None:
    request = sip.parse(message(CALLER, body="body").replace(b"Length: 4", b"Length: " + length))
    refused = Branches(OWN).why_refused(request, vias(request))

    assert is_short(request) == short
    assert refused == (("400", "Content-Length Is More Than Came") if short else None)


def test_what_lies_behind_the_end_of_the_body_is_cut_off() -> None:
    exact = message(CALLER, body="body")

    assert without_excess(sip.parse(exact + b"more")).data == exact
    assert without_excess(sip.parse(exact)).data == exact
