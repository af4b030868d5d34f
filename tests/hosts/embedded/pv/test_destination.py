"""``$du`` and its parts; each answer is a Kamailio 5.6.3's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_there_is_no_destination_until_one_is_written(host: MessageHost) -> None:
    assert [host.get_s(name) for name in ("$du", "$dd", "$dp", "$dP")] == [None] * 4


@pytest.mark.parametrize(
    ("uri", "domain", "port", "transport"),
    [
        ("sip:x@192.0.2.9:5080;transport=tls", "192.0.2.9", "5080", "tls"),
        ("sip:h;transport=tls", "h", "5061", "tls"),
        ("sip:h", "h", "5060", "UDP"),
        ("no uri", None, None, None),
    ],
)
def test_a_destination_has_parts(
    host: MessageHost, uri: str, domain: str | None, port: str | None, transport: str | None
) -> None:
    assert host.set_s("$du", uri) == 0

    assert [host.get_s(name) for name in ("$du", "$dd", "$dp", "$dP")] == [uri, domain, port, transport]
    assert [host.get_i(name) for name in ("$dp", "$dP")] == [0, 0]


def test_an_empty_port_is_none_here_and_empty_in_the_request_uri(host: MessageHost) -> None:
    assert (host.set_s("$du", "sip:h:"), host.set_s("$ru", "sip:h:")) == (0, 0)

    assert (host.get_s("$dp"), host.get_s("$rp")) == ("5060", "")


def test_a_destination_is_a_text_and_an_empty_one_is_none(host: MessageHost) -> None:
    host.set_s("$du", "sip:h")

    assert (host.set_i("$du", 5), host.set_s("$dd", "x"), host.get_s("$du")) == (-1, 0, "sip:h")
    assert (host.set_s("$du", ""), host.is_null("$du")) == (0, 1)
    host.set_s("$du", "sip:h")
    assert (host.unset("$du"), host.is_null("$du")) == (0, 1)
