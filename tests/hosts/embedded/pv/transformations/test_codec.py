"""``{s.encode.*}`` and ``{s.decode.*}``, as Kamailio 5.6.3 and 6.0.1 answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.hosts.embedded.value import CannotEvaluate
from tests.hosts.embedded import versions
from tests.hosts.embedded.reading import transformed

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("$(hdr(X-Custom){s.encode.7bit})", "6F77B9"),
        ("$(cl{s.encode.7bit})", "319AAD"),
        ("$(cs{s.decode.7bit})", "Y"),
    ],
)
def test_seven_bit_packing_reads_the_byte_behind_a_piece_of_the_message(
    host: MessageHost, name: str, value: str
) -> None:
    assert host.get_s(name) == value


def test_an_odd_last_digit_is_not_even_looked_at(host: MessageHost) -> None:
    host.set_s("$var(v)", "70 ")

    assert (host.get_s("$(var(v){s.decode.hexa})"), host.get_s("$(var(v){s.fmtlines,1,2147483647})")) == ("p", "70 ")


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"1", b"{s.decode.base58}", b"\0\0"),
        (b"a/b/" * 4096, b"{s.encode.base58}{s.len}", b"22375"),
        (b"\0\0a/b/a/b/", b"{s.encode.base58}{s.decode.base58}", b"a/b/a/b/\0\0\0"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


def test_base58_takes_what_fits_into_its_buffer() -> None:
    assert transformed(b"a" * 47_900, b"{s.encode.base58}{s.len}").text == b"65415"
    with pytest.raises(CannotEvaluate):
        transformed(b"a" * 48_000, b"{s.encode.base58}")


@pytest.mark.parametrize(
    ("text", "older", "newer"),
    [("LUv", "ffff00", "ffff"), ("5R", "010000", "01"), ("1Z", "200000", "20"), ("11", "000000", "")],
)
def test_base58_is_decoded_up_to_a_nul(text: str, older: str, newer: str) -> None:
    assert versions.transformed(text, "{s.decode.base58}{s.encode.hexa}") == [older, newer]
