"""
Every error of the runner, and whether the worker that met it may serve again.

Must not import anything of this project: every floor above raises these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class RunnerError(Exception):
    """The runner failed to do something. To the SIP server each of these is ``false`` and one log line."""

    worker_survives = True
    """True when the worker that met the error can serve as before."""

    def full(self) -> str:
        """All that is known of it, for a log."""
        return str(self)


class ConfigError(RunnerError):
    """A setting, a path or a mode is wrong. Nothing was started or sent."""


class BuildError(RunnerError):
    """
    A source did not compile.

    ``diagnostics`` has the compiler's lines as ``file:line:col: error CSnnnn: text``. It is empty when the compiler
    itself could not be run.
    """

    def __init__(self, message: str, diagnostics: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)


class CompilerLost(BuildError):
    """The process that compiles died, or took too long. The next compilation has another one."""


class PoolExhausted(RunnerError):
    """No worker came free in time, or the queue was full. Nothing was sent, so a retry is safe."""


class CallRefused(RunnerError):
    """The host declines one call. The script gets that call's error value and continues."""


class HostFault(RunnerError):
    """The host refused an edit after it had said that it cannot fail; the script saw 0. A bug of the host."""


class ScriptError(RunnerError):
    """
    The script threw an exception that nobody caught, or it could not be run at all.

    ``detail`` is the C# text of the exception: type, message and stack, with file and line where symbols exist. It is
    empty when there is none.
    """

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail

    def full(self) -> str:
        """The message and ``detail``, whose first line is left out where the message ends with it."""
        first, _, rest = self.detail.partition("\n")
        more = rest if str(self).endswith(first.rstrip()) else self.detail
        return f"{self}\n{more}".rstrip()

    def naming(self, script: str) -> str:
        """The message, with the script before it unless it names it already."""
        return str(self) if str(self).startswith(f"{script}: ") else f"{script}: {self}"


class ScriptNotFound(ScriptError):
    """There is no file at the script's path."""


class ScriptInvalid(ScriptError):
    """The file exists but cannot be run: it is not .NET, is incomplete, has no Main, or lacks a helper."""


class ScriptIsDirectory(ScriptInvalid):
    """There is a directory where a file of a script is expected."""


class EntryMissing(ScriptError):
    """The build has no method of the name that the exec gives. Nothing ran."""


class ScriptRefused(ScriptError):
    """
    The build, or messages of this Call-ID with it, cost too many workers. It is not run for a while.

    See ``poison_losses`` and ``poison_message_losses``.
    """


class WorkerError(RunnerError):
    """
    The worker is lost: it was killed, it died, or it broke the protocol.

    Attributes:
        exit_code: Exit status; negative for the number of the signal that ended it; None while it is not known.
        step: What it was doing: a state of the session, for example ``RUNNING``.
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
    The exec had not finished at its deadline. Edits received until then stand.

    Attributes:
        is_left: The worker may go on and finish the exec. The caller that left it to do so returns it to its pool.
    """

    is_left = False


class WorkerDied(WorkerError):
    """The worker ended in the middle of an exec or a load."""


class WorkerGone(WorkerDied):
    """The process had ended before the exec or load reached it. Nothing ran, so a retry is safe."""


class ProtocolViolation(WorkerError):
    """A line that the state table does not allow. The worker can no longer be trusted."""
