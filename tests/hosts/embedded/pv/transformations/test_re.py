"""``{re.subst}``; every expectation is what Kamailio 5.6.3 gives."""

from __future__ import annotations

import pytest

from tests.hosts.embedded.reading import fails, is_malformed, transformed


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"abab", b"{re.subst,/(a)b/<\\1>/g}", b"<a><a>"),
        (b"xx", b"{re.subst,/a|x|xx/y/}", b"y"),
        (b"xx", b"{re.subst,/(a)|(x)/<\\1\\2>/g}", b"<x><x>"),
        (b"xx", b"{re.subst,/(x)\\1/y/}", b"y"),
        (b"a\nb", b"{re.subst,/^./x/g}", b"x\nx"),
        (b"a\nb", b"{re.subst,/a.b/x/}", b"a\nb"),
        (b"a\nb", b"{re.subst,/a.b/x/s}", b"x"),
        (b"a\nb", b"{re.subst,/a$/x/}", b"x\nb"),
        (b"a\nb", b"{re.subst,/a$/x/s}", b"a\nb"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    "chain",
    [
        b"{re.subst,/(/x/}",
        b"{re.subst,/a/b}",
    ],
)
def test_a_malformed_or_unknown_chain_is_refused(chain: bytes) -> None:
    assert is_malformed(chain)


@pytest.mark.parametrize(
    ("text", "chain"),
    [
        (b"abc", b"{re.subst,/x*/y/}"),
    ],
)
def test_where_kamailio_fails_there_is_no_value(text: bytes | None, chain: bytes) -> None:
    assert fails(text, chain)


@pytest.mark.parametrize(
    ("chain", "result"),
    [
        ("{re.subst,/[[:alpha:]]/x/g}", "xüßx"),
        ("{re.subst,/[[:alpha:]]+/x/g}", "xüßx"),
        ("{re.subst,/^[[:alpha:]]+$/x/}", "AüßA"),
        ("{re.subst,/[^[:alpha:]]/./g}", "A....A"),
        ("{re.subst,/ü/u/}", "AußA"),
        ("{re.subst,/Ü/u/i}", "AüßA"),
    ],
)
def test_a_letter_is_a_byte_of_ascii(chain: str, result: str) -> None:
    """Kamailio never calls setlocale: LC_ALL=C.UTF-8 around it changes nothing."""
    assert transformed("AüßA".encode(), chain.encode()).text == result.encode()


def test_the_replacement_of_one_match_has_at_most_1022_bytes() -> None:
    """core/re.c, replace_build: REPLACE_BUFFER_SIZE. The rest of the value may be longer."""
    most = b"x" * 1022

    assert transformed(most, b"{re.subst,/(.*)/\\1/}").text == most
    assert transformed(most + b"ab", b"{re.subst,/(x*)a/\\1/}").text == most + b"b"
    assert transformed(b"a" * 2000, b"{re.subst,/a/bb/g}").text == b"b" * 4000
    assert fails(most, b"{re.subst,/(.*)/a\\1/}")
