"""Chance and Kamailio's hash by KSR, as a Kamailio 5.6.3 answered."""

from __future__ import annotations

import pytest

from tests.hosts.embedded.reading import request


def test_the_probability_outlives_the_message() -> None:
    host = request()
    first = host.ksr("cfgutils.rand_get_prob", [])
    host.ksr("cfgutils.rand_set_prob", [100])
    host.context.edits.edits.clear()

    assert (first, host.ksr("cfgutils.rand_get_prob", []), host.ksr("cfgutils.rand_event", [])) == (10, 100, 1)
    assert (host.ksr("cfgutils.rand_set_prob", [0]), host.ksr("cfgutils.rand_event", [])) == (1, -1)
    assert (host.ksr("cfgutils.rand_reset_prob", []), host.ksr("cfgutils.rand_get_prob", [])) == (1, 10)


def test_an_event_is_of_chance_in_between() -> None:
    host = request()
    host.ksr("cfgutils.rand_set_prob", [50])

    assert {host.ksr("cfgutils.rand_event", []) for _ in range(200)} == {1, -1}


@pytest.mark.parametrize(("bits", "most"), [(0, 2), (-1, 2), (1, 2), (4, 16), (32, 1)])
def test_a_hash_is_a_slot_of_a_table(bits: int, most: int) -> None:
    host = request()
    slots = {host.ksr("cfgutils.core_hash", [str(number), "", bits]) for number in range(200)}

    assert slots == set(range(1, most + 1))
    assert host.ksr("cfgutils.core_hash", ["a", "b", 30]) != host.ksr("cfgutils.core_hash", ["a", "", 30])
