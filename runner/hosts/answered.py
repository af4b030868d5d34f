"""
A host for which the developer has answered some functions of KEMI, for example ``tm.t_relay`` with 1.

Such a function is not called: the script gets the answer, also where the host has the function itself. Must not know
whose message it is, nor what a function can give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.calls import Host

Value = str | int | bool | None

ARMING = frozenset({"tm.t_on_branch", "tm.t_on_branch_failure", "tm.t_on_failure", "tm.t_on_reply"})
"""Functions whose one argument names an entry that Kamailio calls later."""


class Answer(NamedTuple):
    """What a function gives, and where the developer said so: ``--answer`` or ``[answers]``."""

    value: Value
    given_by: str


class Answered:
    """
    Another host, behind the answers. It says nothing that could be sent ahead, so every call comes here.

    Attributes:
        answered: Each call that was answered: the function without ``KSR.``, its arguments, and the answer.
        armed: The entry that each of ``ARMING`` named last.
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
        if function in ARMING and len(arguments) == 1:
            self.armed[function] = str(arguments[0])
        return answer.value
