"""The time of parsing, reading and rendering grows with the size of a message, not with its square."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bench.parser import KIB, KINDS, best_us
from runner.sip import digest, sdp, via

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("kind", KINDS)
def test_four_times_the_size_takes_about_four_times_as_long(kind: str) -> None:
    small, large = KINDS[kind](16 * KIB), KINDS[kind](64 * KIB)

    # Sixteen times would be the square. CPU time, so that a busy machine does not matter; the best of three rounds.
    assert any(best_us(large) / best_us(small) < 10 for _ in range(3))


HEAD = b"v=0\no=- 5 6 IN IP4 192.0.2.1\nc=IN IP4 192.0.2.1\n"
READ: dict[str, Callable[[int], object]] = {
    "Via parameters": lambda size: via.parse_header(b"SIP/2.0/UDP h" + b";x=1" * (size // 4) + b"\r\nX", 0),
    "Vias of one header": lambda size: via.parse_header(b"SIP/2.0/UDP h," * (size // 14) + b"\r\nX", 0),
    "a Via without an end": lambda size: via.header_end(b"SIP/2.0/UDP h;branch=" + b"a" * size, 0),
    "Via comments": lambda size: via.parse_header(b"SIP/2.0/UDP h(a)" + b"()" * (size // 2) + b"\r\nX", 0),
    "open parentheses": lambda size: via.parse_header(b"SIP/2.0/UDP h" + b"(" * size, 0),
    "folds": lambda size: via.parse_header(b"SIP/2.0/UDP h" + b"\r\n " * (size // 3), 0),
    "credentials": lambda size: digest.parse_credentials(b"Digest " + b"nonce=x," * (size // 8) + b"x=1"),
    "names without a value": lambda size: digest.parse_credentials(b"Digest " + b"real," * (size // 5) + b"x=1"),
    "streams": lambda size: sdp.sessions(b"application/sdp", HEAD + b"m=a 1 b 0\n" * (size // 10)),
    "streams and no line ends": lambda size: sdp.sessions(
        b"application/sdp", HEAD + b"\rm=a 1 b 0\rc=IN IP4 x" * (size // 22)
    ),
    "attributes": lambda size: sdp.sessions(b"application/sdp", HEAD + b"m=a 1 b 0\n" + b"\ra=x" * (size // 4)),
    "codecs and no line ends": lambda size: sdp.sessions(
        b"application/sdp", HEAD + b"m=a 1 b 0\n" + b"a=rtpmap:0 x\r" * (size // 13)
    ),
    "options": lambda size: sdp.sessions(b"application/sdp", HEAD + b"m=a 1 b 0\na=ice-options:" + b"a" * size),
    "parts": lambda size: sdp.sessions(b"multipart/mixed;boundary=b", b"--b\nX: y\n\n" * (size // 10)),
    "dashes": lambda size: sdp.sessions(b"multipart/mixed;boundary=b", b"-" * size),
}


@pytest.mark.parametrize("kind", READ)
def test_a_parser_takes_about_four_times_as_long_for_four_times_the_size(kind: str) -> None:
    def seconds(size: int) -> float:
        began = time.process_time()
        READ[kind](size)
        return time.process_time() - began

    # At least a millisecond, so that the grain of the clock does not matter.
    assert any(seconds(256 * KIB) / max(seconds(64 * KIB), 0.001) < 10 for _ in range(3))
