"""A host with a few functions of KEMI, for the tests of KSR in every language."""

from __future__ import annotations

from typing import Any

from runner.errors import CallRefused
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE

MODF = 7  # what every function gives by way of ModF


class Kemi(MessageHost):
    """Answers a few functions, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(INVITE)
        self.asked: list[tuple[Any, ...]] = []

    def modf(self, function: str, *arguments: str) -> int:
        self.asked.append((function, *arguments))
        return MODF

    def ksr(self, function: str, arguments: list[str | int | bool]) -> str | int | bool | None:
        self.asked.append((function, *arguments))
        match function:
            case "pv.get":
                return self.get_s(str(arguments[0]))
            case "pv.sets":
                return self.set_s(*map(str, arguments)) == 0
            case "is_INVITE":
                return True
            case "sl.send_reply":
                return 1
            case "gone":
                raise CallRefused("there is no such function: " + "é" * 600)
        return None
