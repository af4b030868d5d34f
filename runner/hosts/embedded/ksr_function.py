"""What a function of KEMI is for this host: its parameters, and who answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from runner.errors import CallRefused

from .value import CannotEvaluate

if TYPE_CHECKING:
    from .host import MessageHost

Answer = str | int | bool | None
Call = Callable[..., Answer]

TRUE, FALSE = 1, -1
_ERROR = -1


class Function(NamedTuple):
    """One function."""

    parameters: str
    """A letter each: ``i`` for a number, ``s`` for a text."""
    call: Call
    """Takes the host and the arguments."""
    since_6: bool = False


def with_bytes(call: Callable[..., Answer]) -> Call:
    """
    A function of the message's context that takes texts as bytes.

    Where it raises CannotEvaluate, that is logged and the answer is ``FALSE``, as nearly all of Kamailio's modules do.
    """
    return of_host(lambda host, *arguments: call(host.context, *arguments))


def of_host(call: Callable[..., Answer]) -> Call:
    """As ``with_bytes``, for a function of the host, which knows the variables."""

    def run(host: MessageHost, *arguments: str | int | bool) -> Answer:
        try:
            return call(host, *map(_as_bytes, arguments))
        except CannotEvaluate as error:
            host.log(_ERROR, str(error))
            return FALSE

    return run


def _as_bytes(argument: str | int | bool) -> bytes | int:  # noqa: FBT001  # as it came from the script
    if not isinstance(argument, str):
        return int(argument)
    try:
        return argument.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise CallRefused("a text has a lone surrogate, which stands for no byte") from None
