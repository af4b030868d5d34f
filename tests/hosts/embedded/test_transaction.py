"""Functions and variables of tm and tmx without a transaction, as a Kamailio 5.6.3 answered for the same messages."""

from __future__ import annotations

import pytest

from runner.hosts.embedded.host import MessageHost

FUNCTIONS = ("t_check_trans", "t_release", "t_retransmit_reply", "t_precheck_trans")


def message(
    *headers: str, line: str = "OPTIONS sip:b@b.example SIP/2.0", sender: str = "<sip:a@a.example>;tag=a"
) -> bytes:
    method = "INVITE" if line.startswith("INVITE") else "OPTIONS"
    head = [line, "Via: SIP/2.0/UDP 127.0.0.1:5160;branch=z9hG4bKa;rport", "To: <sip:b@b.example>", f"From: {sender}"]
    return "\r\n".join([*head, "Call-ID: a", f"CSeq: 1 {method}", *headers, "", ""]).encode()


def answers(host: MessageHost) -> list[int]:
    return [host.modf(name) for name in FUNCTIONS]


def test_a_request_whose_headers_parse_has_no_transaction() -> None:
    host = MessageHost(message())

    assert answers(host) == [-1, 1, -1, -1]
    assert [host.get_s(f"$T_reply_{part}") for part in ("code", "reason", "ruid", "last")] == ["0", "", "", None]


def test_a_header_that_does_not_parse_is_in_the_way_of_a_request_s_transaction() -> None:
    host = MessageHost(message("no colon"))

    assert answers(host) == [-1, -1, 1, -1]
    assert [host.get_s(f"$T_reply_{part}") for part in ("code", "reason", "ruid")] == [None, None, None]


@pytest.mark.parametrize(
    ("line", "values", "ruid"),
    [
        ("OPTIONS sip:b@b.example SIP/2.0", [-1, 1, -1, -2], ""),
        ("INVITE sip:b@b.example SIP/2.0", [-1, -1, 1, -2], None),
    ],
)
def test_only_an_invite_needs_a_from_that_parses(line: str, values: list[int], ruid: str | None) -> None:
    host = MessageHost(message(line=line, sender="<sip:a"))

    assert (answers(host), host.get_s("$T_reply_ruid")) == (values, ruid)


def test_a_method_is_known_in_any_case() -> None:
    bad_sender = message(sender="<sip:a").replace(b"OPTIONS", b"Invite")
    cancel = message().replace(b"OPTIONS", b"Cancel")

    assert (MessageHost(bad_sender).modf("t_release"), MessageHost(cancel).modf("t_precheck_trans")) == (-1, -2)


def test_a_reply_needs_a_via_a_cseq_and_a_call_id_alone() -> None:
    host = MessageHost(message("no colon", line="SIP/2.0 407 X", sender="<sip:a"))

    assert answers(host) == [-1, -1, -1, -2]
    assert [host.get_s(f"$T_reply_{part}") for part in ("code", "reason", "ruid")] == ["407", "", ""]


@pytest.mark.parametrize("function", ["t_check_trans", "t_reuse_branch", "t_is_canceled"])
def test_a_transaction_that_was_not_found_is_not_looked_for_again(function: str) -> None:
    host = MessageHost(message())

    assert (host.modf(function), host.hdr_append("To:\r\n"), host.modf("msg_apply_changes")) == (-1, 0, 1)
    assert (host.is_null("$T_reply_reason"), host.modf("t_release")) == (0, 1)


def test_a_request_without_a_needed_header_counts_as_looked_for() -> None:
    host = MessageHost(message())

    assert (host.hdr_remove("CSeq"), host.modf("msg_apply_changes")) == (0, 1)
    assert (host.modf("t_release"), host.modf("t_release"), host.get_s("$T_reply_ruid")) == (-1, 1, "")


def test_the_route_stays_that_of_a_request_when_its_first_line_is_lost() -> None:
    host = MessageHost(message())

    assert (host.set_s("$ru", "sip:b@b.example 5060"), host.modf("msg_apply_changes")) == (0, 0)
    assert (answers(host), host.modf("t_is_request_route")) == ([-1, -1, 1, -2], 1)


@pytest.mark.parametrize(("line", "index"), [("OPTIONS sip:b@b.example SIP/2.0", "1"), ("SIP/2.0 200 OK", "-1")])
def test_the_index_of_the_branch_counts_the_branches_of_a_request(line: str, index: str) -> None:
    host = MessageHost(message(line=line))

    assert host.modf("append_branch") == 1
    assert (host.get_s("$T_branch_idx"), host.get_s("$T(branch_index)")) == (index, index)
