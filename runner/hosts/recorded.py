"""
A host that remembers what a script asked it and what it answered, in order.

Must not know whose message it is. Standard library only: a Kamailio imports it too.
"""

from __future__ import annotations

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
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self.calls: list[tuple[str, list[Any], Any]] = []

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._host, method)
        name = _NAMES.get(method)
        if name is None:
            return found

        def answer(*args: Any) -> Any:
            result = found(*args)
            self.calls.append((name, list(args), result))
            return result

        return answer
