"""How much of Kamailio's private memory scripts may fill; tests/kamailio/test_odd_arguments.py fills a real one."""

from __future__ import annotations

import pytest

from runner.hosts.kamailio import bounds
from runner.hosts.kamailio.bounds import Names, Values

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("words", "mib"),
    [
        (["kamailio", "-f", "/etc/kamailio/kamailio.cfg", "-m", "64", "-M", "16", "-DD"], 16),
        (["kamailio", "-M32", "-m", "64"], 32),
        (["kamailio", "-M", "4", "-M", "12"], 12),
        (["kamailio", "-m", "64"], 8),
        (["kamailio", "-M"], 8),
        (["kamailio", "-M", "x"], 8),
        (["kamailio", "-M", "99999999"], 8),
        ([], 8),
    ],
)
def test_the_private_memory_is_what_kamailio_was_started_with(words: list[str], mib: int) -> None:
    line = "".join(f"{word}\0" for word in words).encode()

    assert bounds.private_bytes(line) == mib * MIB


def test_more_memory_takes_more_names_and_more_values() -> None:
    taken = [
        sum(names.admit(f"$hdr(X-{number})", is_harmless=True) for number in range(20_000))
        for names in (Names(8 * MIB), Names(16 * MIB))
    ]

    assert 2000 < taken[0] < 4000
    assert taken[1] == pytest.approx(2 * taken[0], rel=0.01)
    assert not Values(8 * MIB).admit("$var(x)", MIB + 1)
    assert Values(16 * MIB).admit("$var(x)", MIB + 1)


def test_names_that_were_asked_for_and_names_without_brackets_are_always_taken() -> None:
    names = Names(8 * MIB)
    while names.admit(f"$hdr(X-{len(names.harmless)})", is_harmless=True):
        pass

    assert names.admit("$hdr(X-0)", is_harmless=True)
    assert names.admit("$rU", is_harmless=True)
    assert not names.admit("$hdr(Y)", is_harmless=True)
