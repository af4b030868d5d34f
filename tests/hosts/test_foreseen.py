"""runner.hosts.foreseen: what may be sent ahead, by name."""

from __future__ import annotations

import pytest

from runner.hosts import foreseen


@pytest.mark.parametrize(
    "name", ["$var", "$var()", "$var(a b)", "$(var(a))", "$hdr(X", "ru", "$", "", "$rb", "$sht(a=>b)", "$ru "]
)
def test_names_that_are_not_plain_are_not_guessed(name: str) -> None:
    assert foreseen.depends_on(name) is None
