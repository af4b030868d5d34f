"""Cases for the tests of what makes them."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tools.compare.cases import Case, Step


class Made:
    """The first cases of seed 1, made when a test asks for them: that takes seconds, and most tests ask for none."""

    def __init__(self, cases: Callable[[int], Iterable[Case]], count: int) -> None:
        self._cases = cases
        self._count = count

    @cached_property
    def cases(self) -> list[Case]:
        return list(islice(self._cases(1), self._count))

    @cached_property
    def steps(self) -> list[Step]:
        return [step for case in self.cases for step in case.steps]
