"""
A host that remembers what a script asked it and what it answered, in order.

Must not know whose message it is. Standard library only: a Kamailio imports it too.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from runner.calls import CALLS

if TYPE_CHECKING:
    from runner.calls import Host

_NAMES = {call.method: call.name for call in CALLS.values()}


class Recorded:
    """
    Another host, with a memory.

    Attributes:
        calls: The C# name of each call, its arguments, and its result.
        answered: When each of them had its answer, on ``time.monotonic``.
        unrecorded: The host itself, for reads that are not the script's.
    """

    def __init__(self, host: Host) -> None:
        self.unrecorded = host
        self.calls: list[tuple[str, list[Any], Any]] = []
        self.answered: list[float] = []

    def __getattr__(self, method: str) -> Any:
        found = getattr(self.unrecorded, method)
        name = _NAMES.get(method)
        if name is None:
            return found

        def answer(*args: Any) -> Any:
            result = found(*args)
            self.calls.append((name, list(args), result))
            self.answered.append(time.monotonic())
            return result

        return answer
