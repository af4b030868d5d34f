"""What a function of KEMI is for this host: its parameters, and who answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Answer = str | int | bool | None
Call = Callable[..., Answer]

TRUE, FALSE = 1, -1


class Function(NamedTuple):
    """One function."""

    parameters: str
    """A letter each: ``i`` for a number, ``s`` for a text."""
    call: Call
    """Takes the host and the arguments."""
    since_6: bool = False
