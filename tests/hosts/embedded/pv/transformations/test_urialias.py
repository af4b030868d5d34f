"""``{urialias.*}``; every expectation is what Kamailio 5.6.3 gives."""

from __future__ import annotations

import pytest

from tests.hosts.embedded.reading import transformed


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"sip:a@h;transport=tls", b"{urialias.encode}", b"h~5061~3"),
        (b"sip:a@192.0.2.1:5080", b"{urialias.encode}", b"192.0.2.1~5080~1"),
        (b"no uri", b"{urialias.encode}", b""),
        (b"h~5060~1", b"{urialias.decode}", b"sip:h:5060"),
        (b"h~5060~9", b"{urialias.decode}", b""),
        (b"h~5061~3", b"{urialias.decode}", b"sip:h:5061;transport=tls"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result
