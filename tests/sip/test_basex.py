"""Base64 for URLs as Kamailio decodes it."""

from __future__ import annotations

import pytest

from runner.sip.basex import decoded, padded


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b"c2lwOmJAaA==", b"sip:b@h"),
        (b"_-8=", b"\xff\xef"),
        (b"YWI", b"ab"),
        (b"", None),
        (b"====", None),
        (b"a!b=", None),
        (b"a+b=", None),
    ],
)
def test_a_text_is_decoded_or_refused(text: bytes, data: bytes | None) -> None:
    assert decoded(text) == data


@pytest.mark.parametrize(
    ("text", "whole"), [(b"", b""), (b"YQ", b"YQ=="), (b"YWI", b"YWI="), (b"YWJj", b"YWJj"), (b"a", b"a===")]
)
def test_padding_that_is_missing_is_added(text: bytes, whole: bytes) -> None:
    assert padded(text) == whole
