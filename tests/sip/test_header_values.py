"""Values of a header and what is in them; each is what a Kamailio 5.6.3 gave for ``$sel(hf_value...)``."""

from __future__ import annotations

import time

import pytest

from runner.sip.header_values import address_in, param_behind, values


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"a, b,,c", [b"a", b"b", b"", b"c"]),
        (b" a ,\r\n b", [b"a", b"b"]),
        (b"", [b""]),
        (b",a", [b"", b"a"]),
        (b"a,", [b"a"]),
        (b'"a,b";x="y,z", c', [b'"a,b";x="y,z"', b"c"]),
        (b'"q\\"r, s", t', [b'"q\\"r, s"', b"t"]),
        (b'a, "b, c', [b"a", b'"b, c']),
        (b"<sip:a,b@c>", [b"<sip:a", b"b@c>"]),
    ],
)
def test_commas_outside_of_quotes_separate_values(body: bytes, found: list[bytes]) -> None:
    assert values(body) == found


@pytest.mark.parametrize(
    ("value", "name", "uri"),
    [
        (b'"N M" <sip:a@b;x=1>;p=q', b"N M", b"sip:a@b;x=1"),
        (b"sip:a@b;p=q", b"", b"sip:a@b"),
        (b"<sip:a@b>", b"", b"sip:a@b"),
        (b"Al Bo <tel:+1>", b"Al", b"tel:+1"),
        (b"one two", b"one", b"two"),
        (b"<>", b"", b""),
        (b"N <sip:x", b"N", b""),
        (b'"q" rest', b"q", b"rest"),
        (b"", b"", None),
        (b";p", b"", None),
    ],
)
def test_an_address_is_the_last_word_or_what_is_in_brackets(value: bytes, name: bytes, uri: bytes | None) -> None:
    found = address_in(value)

    assert (found.name, found.uri) == (name, uri)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b";a=1;b=2", b"2"),
        (b" ; b = 2 ", b"2"),
        (b';x="y;b=1";B="2 3";b=4', b"2 3"),
        (b";b", b""),
        (b";b=", b""),
        (b';b="open', b"open"),
        (b";a=1 b=2", None),
        (b"b=2", None),
        (b"", None),
    ],
)
def test_a_parameter_is_the_first_of_its_name_and_has_a_semicolon(text: bytes, found: bytes | None) -> None:
    assert param_behind(text, b"b") == found


@pytest.mark.parametrize(
    "piece", [b",", b"a,", b'"', b'\\"', b'"a"', b"<", b"<>", b"a ", b" ", b";", b";a=", b';a="', b"="]
)
def test_a_long_header_takes_a_time_that_grows_with_its_length(piece: bytes) -> None:
    body = piece * (1 << 16)

    start = time.process_time()
    for value in values(body):
        address_in(value)
    param_behind(body, b"x")

    assert time.process_time() - start < 5
