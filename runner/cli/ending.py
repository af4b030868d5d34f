"""
How a command ends: its exit status, what it says of a failure, and the signals that end it early.

Must not know what a command does.
"""

from __future__ import annotations

import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from typer.core import TyperGroup

from runner.errors import ConfigError, RunnerError, ScriptError

from . import show
from .outcome import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
JSON = "--json"
# click's UsageError, which newer typers have under a name of their own.
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


class Ended(KeyboardInterrupt):
    """One of ``ENDING`` came; ``number`` is the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Commands(TyperGroup):
    """All commands. An early end is one line, and a bad option is with ``--json`` an object too."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the words name."""
        words = list(ctx.args)  # running the command takes them away
        try:
            return super().invoke(ctx)
        except USAGE_ERROR as error:
            if JSON in words:
                show.line(show.failure_as_json(ConfigError(error.format_message())))  # type: ignore[attr-defined]
            raise
        except KeyboardInterrupt as end:
            number = end.number if isinstance(end, Ended) else signal.SIGINT
            show.note(f"ended by {'Ctrl-C' if number == signal.SIGINT else signal.Signals(number).name}")
            raise typer.Exit(128 + number) from end  # as shells say it


def end_cleanly_on_signals() -> None:
    """
    Let a closed terminal and ``kill`` end a run as Ctrl-C does: workers stopped, private directories removed.

    The first of these signals does it; more of them must not disturb that.
    """
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup and a shell's & have it
            signal.signal(number, _interrupt)


def guarded(action: Callable[[], int], *, as_json: bool = False) -> NoReturn:
    """Run a command and end; whatever goes wrong becomes one line and a status."""
    try:
        code = action()
    except RunnerError as error:
        failed(error, as_json=as_json)
        code = FAILED
    raise typer.Exit(code)


@contextlib.contextmanager
def naming_load() -> Iterator[None]:
    """Say of an error of the script that runs for all requests, which nobody named here, what named it."""
    try:
        yield
    except ScriptError as error:
        raise type(error)(f"load: expected a script that can be run: {error}", error.detail) from error


def failed(error: RunnerError, *, as_json: bool) -> None:
    """Say what went wrong: to people, and to programs as an object too."""
    show.error(error)
    if as_json:
        show.line(show.failure_as_json(error))


def report(error: Exception, *, as_json: bool) -> None:
    """An error that nobody expected: no traceback ever reaches a user; ``--verbose`` shows it."""
    logging.getLogger("runner.cli").debug("internal error", exc_info=error)
    failed(RunnerError(f"internal error, please report it (--verbose shows more): {error!r}"), as_json=as_json)


def _interrupt(number: int, _frame: object) -> None:
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise Ended(number)
