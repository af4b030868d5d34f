"""runner.hosts.embedded.pv.direct: the short way to the variables in most use does what the long one does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner import sip
from runner.hosts.embedded.context import Environment
from runner.hosts.embedded.host import MessageHost
from runner.hosts.embedded.pv import direct
from runner.hosts.embedded.pv.expression import parse_whole
from runner.hosts.embedded.value import CannotEvaluate, Value
from tests.hosts.embedded.test_properties import anything
from tests.places import INVITE

if TYPE_CHECKING:
    from runner.hosts.embedded.context import Context, Version

URIS = st.sampled_from(
    [b"", b"sip:", b"sip:a@b", b"sips:a:p@b:5061;x=y?h=v", b"tel:+49;a=b", b"urn:service:sos", b"sip:" + b"a" * 1015]
)  # fmt: skip
TEXTS = st.binary(max_size=30) | URIS


def hosts(data: bytes, version: Version) -> list[MessageHost]:
    """Two of the same message; none where it is none."""
    environment = replace(Environment(), kamailio=version)
    try:
        return [MessageHost(data, environment=environment) for _ in range(2)]
    except sip.SipParseError:
        return []


def long_write(context: Context, name: str, text: bytes) -> bool:
    try:
        parse_whole(name.encode()).write(context, Value(text))
    except CannotEvaluate:
        return False
    return True


def short_write(context: Context, name: str, text: bytes) -> bool:
    try:
        direct.WRITES[name](context, text)
    except CannotEvaluate:
        return False
    return True


@given(
    anything,
    st.sampled_from(["5.6", "6.0"]),
    st.lists(st.tuples(st.sampled_from(sorted(direct.WRITES)), TEXTS), max_size=3),
)
@settings(deadline=None, max_examples=300)
def test_reads_and_writes_are_those_of_the_expression(
    data: bytes, version: Version, writes: list[tuple[str, bytes]]
) -> None:
    for short, long in [found] if (found := hosts(data, version)) else []:
        for name, text in writes:
            assert short_write(short.context, name, text) is long_write(long.context, name, text)
            assert short.context == long.context
        for name, read in direct.READS.items():
            assert read(short.context) == parse_whole(name.encode()).read(long.context).text, name
            assert short.context.fault is long.context.fault, name
        for name, number in direct.NUMBERS.items():
            assert number(short.context) == parse_whole(name.encode()).read(long.context).number, name


@pytest.mark.parametrize("name", ["$ru", "$rU", "$du"])
def test_a_script_writes_what_it_then_reads(name: str) -> None:
    host = MessageHost(INVITE)

    assert host.set_s(name, "sip:a@b" if name != "$rU" else "a") == 0
    assert host.get_s(name) == ("sip:a@b" if name != "$rU" else "a")
    assert host.set_s(name, "\ud800") == -1
