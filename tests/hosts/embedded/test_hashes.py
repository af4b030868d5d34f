"""Kamailio's hash, as a 5.6.3 gave it."""

from __future__ import annotations

from runner.hosts.embedded.hashes import core_hash
from tests.hosts.embedded.reading import request


def test_the_transformation_gives_the_same_hash() -> None:
    host = request()

    assert host.get_s("$(rm{s.corehash})") == str(core_hash(b"BYE"))


def test_a_second_text_goes_on_from_the_first() -> None:
    assert len({core_hash(b"a", b"b"), core_hash(b"a"), core_hash(b"ab")}) == 3
    assert core_hash(b"\xff") != core_hash(b"\x7f")
