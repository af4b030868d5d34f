"""Multipart bodies, as core/msg_translator.c and modules/textops of Kamailio 5.6.3 make and mend them."""

from __future__ import annotations

import pytest

from runner.sip.multipart import as_only_part, mended

KIND = b'multipart/mixed;boundary="x"'


def test_a_body_becomes_the_only_part_and_its_last_boundary_has_no_dashes_yet() -> None:
    body = as_only_part(b"text/plain", b"abcd")

    assert body == b"--unique-boundary-1\r\nContent-Type: text/plain\r\n\r\nabcd\r\n--unique-boundary-1\r\n"


def test_mending_puts_dashes_behind_the_last_boundary() -> None:
    assert mended(KIND, b"--x\r\n\r\na\r\n--x\r\n") == b"--x\r\n\r\na\r\n--x--\r\n"


def test_what_is_in_front_of_the_first_boundary_and_behind_the_last_is_lost() -> None:
    assert mended(KIND, b"preamble\r\n--x\r\na\r\n--x--\r\nepilogue") == b"--x\r\na\r\n--x--\r\n"


def test_boundaries_in_the_middle_end_with_crlf() -> None:
    assert mended(KIND, b"--x\r\na\r\n--x  \r\nb\r\n--x") == b"--x\r\na\r\n--x\r\nb\r\n--x--\r\n"


def test_the_last_parameter_of_that_name_counts() -> None:
    assert mended(b"a/b; boundary=y; Boundary=x", b"--y\r\n--x\r\na\r\n--x\r\n") == b"--x\r\na\r\n--x--\r\n"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (b"text/plain", b"--\r\n--\r\n"),
        (b"text/plain;charset=x", b"--x\r\n--x\r\n"),
        (b'text/plain;boundary="x', b"--x\r\n--x\r\n"),
        (KIND, b"--x\r\na\r\n"),
        (KIND, b"--x\r\na\rb\r\n--x\r\n"),
    ],
    ids=["no parameters", "no boundary", "parameters that do not parse", "one boundary only", "a CR without LF"],
)
def test_other_bodies_are_left_as_they_are(kind: bytes, body: bytes) -> None:
    assert mended(kind, body) is None
