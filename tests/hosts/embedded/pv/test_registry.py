"""The registry of pseudo-variables documents itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.hosts.embedded.pv import listing

if TYPE_CHECKING:
    from runner.hosts.embedded.pv.registry import Variable


@pytest.mark.parametrize("variable", listing.find(), ids=lambda variable: variable.name)
def test_a_variable_says_what_it_is_and_where_that_is_from(variable: Variable) -> None:
    assert variable.meaning.endswith((".", "text"))
    assert ":" in variable.source
