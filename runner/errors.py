"""
Every error of the runner, and whether the worker that met it may serve again.

Must not import anything of this project: every floor above raises these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class RunnerError(Exception):
    """Something of ours failed. To the SIP server every one of these is ``false`` and one log line."""

    worker_survives = True
    """True when the worker that met the error is as good as before."""


class ConfigError(RunnerError):
    """A setting, a path or a mode is wrong; nothing was started or sent."""


class BuildError(RunnerError):
    """
    A C# source did not compile.

    ``diagnostics`` are the compiler's lines as ``file:line:col: error CSnnnn: text``; empty when the compiler
    itself could not be run.
    """

    def __init__(self, message: str, diagnostics: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)


class PoolExhausted(RunnerError):
    """No worker came free in time, or the queue was full. Nothing was sent, so a retry is safe."""


class CallRefused(RunnerError):
    """A host declines one call; the script gets that call's error value and goes on."""


class HostFault(RunnerError):
    """The host refused an edit that it had said could not fail: the script saw 0. A bug of the host, not the script."""


class ScriptError(RunnerError):
    """
    The script threw and nobody caught it, or it could not be run at all.

    ``detail`` is the C# text behind the message: type, message and stack, with file and line where symbols exist.
    Empty when there is none.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class ScriptNotFound(ScriptError):
    """There is no file at the script's path."""


class ScriptInvalid(ScriptError):
    """The file is there, but is not an assembly that can be run: not .NET, cut short, no Main, a missing helper."""


class ScriptRefused(ScriptError):
    """
    The build, or messages of this Call-ID, took worker after worker along, and it is not run on them for a while.

    See ``poison_losses`` and ``poison_message_losses``.
    """


class WorkerError(RunnerError):
    """
    The worker is lost: killed, dead, or not to be believed any more.

    Attributes:
        exit_code: Exit status; negative for the number of the signal that ended it; None while it is not known.
        step: What it was doing: a state of the session, for one ``RUNNING``.
        last_lines: The last lines it wrote to stderr, oldest first.
    """

    worker_survives = False

    def __init__(
        self, message: str, *, exit_code: int | None = None, step: str = "", last_lines: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.step = step
        self.last_lines = tuple(last_lines)


class WorkerFailedToStart(WorkerError):
    """mono could not be started, ended early, or was not ready in time."""


class ExecTimeout(WorkerError):
    """
    The exec was not done at its deadline. Edits received until then stand.

    Attributes:
        is_left: The worker is left to finish it, and whoever left it there gives it back to its pool.
    """

    is_left = False


class WorkerDied(WorkerError):
    """The worker ended in the middle of an exec or a load."""


class WorkerGone(WorkerDied):
    """The process had ended before the exec or load reached it. Nothing ran, so a retry is safe."""


class ProtocolViolation(WorkerError):
    """A line that the state table does not allow. The worker is not believed any more."""
