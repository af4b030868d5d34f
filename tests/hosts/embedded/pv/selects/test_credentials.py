"""Selects of digest credentials; each value is what a Kamailio 5.6.3 gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hosts.embedded.reading import OF_SELECTS, host_with, values

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_credentials_are_found_by_their_realm_in_any_case_of_letters(host: MessageHost) -> None:
    assert values(host, "authorization.R1.username.user authorization.r1.username.domain authorization.r1.qop") == [
        "alice",
        "example.org",
        None,
    ]
    assert values(
        host, 'authorization["example.org"].username authorization.r2.nonce proxy_authorization.r1.nonce'
    ) == [
        "bob",
        None,
        None,
    ]


def test_a_realm_may_be_a_variable_or_a_select(host: MessageHost) -> None:
    selects = 'authorization["$fd"].nonce authorization["@from.uri.host"].qop authorization["$nosuch"].nonce'

    assert values(host, selects) == ["n2", "auth", None]


def test_credentials_that_do_not_parse_hide_those_behind_them_and_another_scheme_does_not() -> None:
    line = b"Authorization: %b\r\nAuthorization: Digest realm=r1,nonce=n\r\nFrom: "
    broken, basic = (
        host_with(OF_SELECTS.replace(b"From: ", line % first, 1)) for first in (b'Digest realm="r1', b"Basic abc")
    )

    assert values(broken, "authorization.r1.nonce") == [None]
    assert values(basic, "authorization.r1.nonce") == ["n"]


@pytest.mark.parametrize(
    ("username", "user", "domain"),
    [(b"xy@", "xy", ""), (b"x@", "x@", None), (b"sip:u@d", "u", "d"), (b"u:x", "x", None), (b"", "", None)],
)
def test_a_user_name_has_a_domain_behind_its_at_sign(username: bytes, user: str, domain: str | None) -> None:
    host = host_with(OF_SELECTS.replace(b'username="alice@example.org"', b'username="%b"' % username))

    assert values(host, "authorization.r1.username.user authorization.r1.username.domain") == [user, domain]
