from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from .lane import Lane as Lane

SOURCES: str
_Counting: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, tuple[int, ...]]

class Looks:
    def __init__(self, looks: tuple[tuple[bytes, tuple[int, int, int, int, int], bool], ...], /) -> None: ...
    def hold(self) -> bool: ...
    def holding(self) -> int: ...

class AtOnce:
    def __init__(
        self,
        seen: dict[str, Any],
        by_runtime: dict[str, Any],
        poison: Any,
        *,
        types: tuple[type, type],
        states: tuple[Any, Any],
        shapes: tuple[Any, Any],
        counts: tuple[Any, Any, _Counting],
        otherwise: tuple[Callable[..., Any], Callable[..., Any]],
    ) -> None: ...
    def exec(self, path: str, param: str | None, host: Any, timeout_s: float, entry: str | None, /) -> Any: ...

class Exported:
    def __init__(
        self,
        lease: Any,
        timeout_s: float,
        *,
        outcome: Any,
        host: tuple[Any, Any, frozenset[str], set[str], int],
        counting: _Counting,
        otherwise: tuple[Callable[..., int], Callable[..., int], Callable[..., int]],
    ) -> None: ...
    def mono_exec(self, msg: Any, arguments: str = ..., /) -> int: ...
    def mono_run(self, msg: Any, param: str | None = ..., /) -> int: ...

def process() -> int: ...
def read(
    data: bytes, number: int, certain: int, takes: Sequence[type], /
) -> tuple[int, int, list[Any], bool] | None: ...
