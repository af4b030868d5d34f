"""Chains of transformations; every expectation is what Kamailio 5.6.3 gives."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.hosts.embedded.pv import transform
from runner.hosts.embedded.value import CannotEvaluate
from tests.hosts.embedded.reading import is_malformed, transformed

if TYPE_CHECKING:
    from runner.hosts.embedded.host import MessageHost


def test_a_parameter_writes_over_a_printed_number_but_not_over_a_header(host: MessageHost) -> None:
    host.set_i("$var(n)", 1)
    host.set_i("$var(v)", 2147483647)

    assert (host.get_s("$(var(v){s.strip,$var(n)})"), host.get_s("$(cl{s.strip,$var(n)})")) == ("147483641", "46")


def test_a_second_number_writes_over_the_first_one_that_is_looked_for(host: MessageHost) -> None:
    host.set_s("$var(v)", "a:5080")
    host.set_i("$var(i)", 5)
    host.set_i("$var(j)", 190)

    assert host.get_s("$(var(v){s.replace,$var(i),$var(j)})") == "a:51908190"


@pytest.mark.parametrize(
    ("text", "chain", "result"),
    [
        (b"a:b", b"{s.before,$var(s)}{s.toupper}", b"A"),
    ],
)
def test_a_value_is_transformed(text: bytes, chain: bytes, result: bytes) -> None:
    assert transformed(text, chain).text == result


@pytest.mark.parametrize(
    "chain",
    [
        b"{s.bogus}",
        b"{val.nothing}",
        b"{S.len}",
        b"{s.len",
        b"{s.len,1}",
    ],
)
def test_a_malformed_or_unknown_chain_is_refused(chain: bytes) -> None:
    assert is_malformed(chain)


def test_a_number_as_parameter_overwrites_the_digits_of_a_number() -> None:
    """Both are in the buffer of int2str: 2147483647 becomes 2147483641 before it is cut."""
    assert transformed(2147483647, b"{s.strip,$var(n)}").text == b"147483641"


def test_so_does_a_number_that_the_parameter_is_made_of(host: MessageHost) -> None:
    host.set_i("$var(v)", 12345)
    host.set_i("$var(n)", 77)

    assert host.get_s("$(var(v){s.before,$(var(n){s.strip,1})})") == "123"
    assert host.get_s("$(var(v){s.after,$(rU{s.len}{s.replace,3,4})})") == "3"
    assert host.get_s("$(var(v){s.before,$(rU{s.strip,1})})") == "12345"


@pytest.mark.parametrize("between", ["s.int", "s.strip,0", "s.striptail,-1", "line.at,0", "line.at,-1", "line.sw,1"])
def test_so_it_does_behind_a_transformation_that_leaves_the_digits_where_they_are(between: str) -> None:
    assert transformed(173, b"{%b}{s.strip,$var(n)}" % between.encode()).text == b"71"
    assert transformed(173, b"{%b}{s.trim}{s.strip,$var(n)}" % between.encode()).text == b"73"


def test_every_transformation_documents_itself() -> None:
    for known in transform.transformations():
        assert known.meaning
        assert ".c" in known.source


def test_the_list_can_be_filtered() -> None:
    assert {known.name for known in transform.transformations("base58")} == {"s.encode.base58", "s.decode.base58"}


def test_long_values_take_linear_time() -> None:
    text = b"a;" * 30_000

    assert transformed(text, b"{param.count}{s.len}").text == b"5"
    assert transformed(text, b"{s.select,-1,;}").text == b""


@given(st.text(alphabet='sip:a@;?[]"<>\\,= \r\n\0~%1', max_size=40), st.sampled_from(["", ",1", ",-1,1", ",a", ",a,:"]))
def test_any_value_is_transformed_or_refused(text: str, params: str) -> None:
    for known in transform.transformations():
        with suppress(CannotEvaluate):
            assert transformed(text.encode(), f"{{{known.name}{params}}}".encode()) is not None
