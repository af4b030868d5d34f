from __future__ import annotations

import pytest

from runner.hosts.message import MessageHost

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b"From: <sip:alice@example.org>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1@x\r\nCSeq: 1 INVITE\r\n\r\n"
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("$(rU{s.len})", "3"),
        ("$(rU{s.LEN})", "3"),
        ("$(rU{s.toupper})", "BOB"),
        ("$(rd{s.substr,-3,3})", "com"),
        ("$(rd{s.substr,0,0}{s.strip,8})", "com"),
        ("$(rU{s.strip,$var(n)})", "ob"),
        ("$(rU{s.encode.hexa}{s.decode.hexa})", "bob"),
        ("$(rU{s.strip,-1})", "bob"),
        ("$(rU{s.substr,9,1})", None),
        ("$(rU{s.nonsense})", None),
        ("$(rU{s.len,1})", None),
        ("$(rU{s.len)", None),
    ],
)
def test_transformations_answer_as_kamailio_does(expression: str, value: str | None) -> None:
    host = MessageHost(INVITE)
    host.set_i("$var(n)", 1)

    assert host.get_s(expression) == value


def test_a_transformation_of_null_fails_and_an_unknown_one_is_malformed() -> None:
    host = MessageHost(INVITE)

    assert host.is_null("$(avp(x){s.len})") == -1
    assert host.is_null("$(rU{x.y})") == -1
