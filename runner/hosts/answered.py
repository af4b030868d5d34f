"""
A host for which the developer has answered some functions of KEMI, for example ``tm.t_relay`` with 1.

Such a function is not called: the script gets the answer, also where the host has the function itself. Must not know
whose message it is, nor what a function can give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runner.calls import KSR_NAMING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.calls import Host

Value = str | int | bool | None


class Answer(NamedTuple):
    """What a function gives, and where the developer said so: ``--answer`` or ``[answers]``."""

    value: Value
    given_by: str


class Answered:
    """
    Another host, behind the answers. It says nothing that could be sent ahead, so every call comes here.

    Attributes:
        answered: Each call that was answered: the function without ``KSR.``, its arguments, and the answer.
        armed: The entry that each function of ``KSR_NAMING`` named last.
    """

    def __init__(self, host: Host, answers: Mapping[str, Answer]) -> None:
        self._host = host
        self._answers = answers
        self.answered: list[tuple[str, list[Any], Answer]] = []
        self.armed: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        if name == "depends_on":
            raise AttributeError(name)
        return getattr(self._host, name)

    def ksr(self, function: str, arguments: list[str | int | bool]) -> Value:
        """As ``Host.ksr``; an answer outweighs the host's own."""
        answer = self._answers.get(function)
        if answer is None:
            return self._host.ksr(function, arguments)
        self.answered.append((function, arguments, answer))
        at = KSR_NAMING.get(function)
        if at is not None and at < len(arguments):
            self.armed[function] = str(arguments[at])
        return answer.value
