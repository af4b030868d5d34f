"""The time of parsing, reading and rendering grows with the size of a message, not with its square."""

from __future__ import annotations

import pytest

from bench.parser import KIB, KINDS, best_us


@pytest.mark.parametrize("kind", KINDS)
def test_four_times_the_size_takes_about_four_times_as_long(kind: str) -> None:
    small, large = KINDS[kind](16 * KIB), KINDS[kind](64 * KIB)

    # Sixteen times would be the square. CPU time, so that a busy machine does not matter; the best of three rounds.
    assert min(best_us(large) / best_us(small) for _ in range(3)) < 10
