"""What a script can change of its process beyond an exec, and how that is restored; and where its output goes."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any


class Log(io.RawIOBase):
    """Standard output or error, which never throws, even when nobody reads it any more."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def writable(self) -> bool:
        """True."""
        return True

    def fileno(self) -> int:
        """The descriptor, for a child of the script."""
        return self._descriptor

    def write(self, data: Any) -> int:
        """Write all of it."""
        rest = memoryview(data).cast("B")
        length = len(rest)
        with suppress(OSError):
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        return length


def claim_streams() -> None:
    """Let the script print to the log, line by line, and read nothing."""
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for the life of the process
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        writer = io.BufferedWriter(Log(descriptor))
        stream = io.TextIOWrapper(writer, "utf-8", errors="backslashreplace", line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


class Surroundings:
    """The state of the process when no script has run yet, with streams that lead to the log."""

    def __init__(self) -> None:
        claim_streams()
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._environ = os.environ
        self._variables = dict(os.environ)
        self._written = dict(os.environ._data)  # type: ignore[attr-defined]  # noqa: SLF001 - comparing takes 1 us so
        self._directory = os.open(".", os.O_PATH | os.O_CLOEXEC)

    def restore(self) -> None:
        """Restore what a script has changed. Call between two execs."""
        if any(map(_is_over, self._streams)):
            claim_streams()
            self._streams = sys.stdin, sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = self._streams
        sys.stdout.flush()
        sys.stderr.flush()
        with suppress(OSError):
            os.fchdir(self._directory)
        os.environ = self._environ  # noqa: B003 - the object that was there, which os.getenv knows
        if os.environ._data != self._written:  # type: ignore[attr-defined]  # noqa: SLF001
            os.environ.clear()
            os.environ.update(self._variables)


def _is_over(stream: Any) -> bool:
    """Whether a stream was closed, as exit() does with the input, or detached to be wrapped in another way."""
    try:
        return bool(stream.closed)
    except ValueError:  # detached
        return True
