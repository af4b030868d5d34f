"""
A host for which the developer has answered some functions of KEMI, for example ``tm.t_relay`` with 1.

Such a function is not called: the script gets the answer, also where the host has the function itself. Must not know
whose message it is, nor what a function can give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from runner.calls import KSR_NAMING
from runner.errors import CallRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runner.calls import Host

Value = str | int | bool | None
_TEXT, _NUMBER = "a text", "a number"


class Answer(NamedTuple):
    """
    What a function gives.

    Attributes:
        value: Whatever its arguments are.
        given_by: Where the developer said so: ``--answer`` or ``[answers]``.
        takes: The types of its parameters, ``str``, ``int`` or ``long``, in each form that it has.
    """

    value: Value
    given_by: str
    takes: tuple[tuple[str, ...], ...]


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
        """As ``Host.ksr``; an answer outweighs the host's own, but for arguments that the function does not take."""
        answer = self._answers.get(function)
        if answer is None:
            return self._host.ksr(function, arguments)
        kinds = [_TEXT if type(argument) is str else _NUMBER for argument in arguments]
        forms = [[_TEXT if kind == "str" else _NUMBER for kind in form] for form in answer.takes]
        if kinds not in forms:
            takes = " or ".join(", ".join(form) or "no argument" for form in forms)
            raise CallRefused(f"KSR.{function} takes {takes}, but {', '.join(kinds) or 'none'} came")
        self.answered.append((function, arguments, answer))
        at = KSR_NAMING.get(function)
        if at is not None and at < len(arguments):
            self.armed[function] = str(arguments[at])
        return answer.value
