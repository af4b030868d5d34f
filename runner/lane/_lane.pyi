from collections.abc import Sequence
from typing import Any

from .lane import Lane as Lane

SOURCES: str

class Looks:
    def __init__(self, looks: tuple[tuple[bytes, tuple[int, int, int, int, int], bool], ...], /) -> None: ...
    def holding(self) -> int: ...

def process() -> int: ...
def read(
    data: bytes, number: int, certain: int, takes: Sequence[type], /
) -> tuple[int, int, list[Any], bool] | None: ...
