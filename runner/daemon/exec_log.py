"""
The log of execs: a line of JSON for each exec that clients left one of, in a file, written by a thread of its own.

A file system that hangs holds up nobody but this thread: what is not written in time is dropped. Must not know what is
in a line; a client is another process, so each is read and written again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from logging.handlers import WatchedFileHandler
from typing import TYPE_CHECKING

from runner.errors import ConfigError

from .quiet import Quiet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .counting import Counting

log = logging.getLogger("runner.exec_log")

EVERY_S = 0.5
END_S = 2.0


@contextlib.contextmanager
def writing(file: Path, counting: Counting) -> Iterator[None]:
    """
    Write for the length of a ``with`` block.

    Args:
        file: Where to; when it is moved away, the next lines create it again.
        counting: Takes the lines from the clients.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        handler = WatchedFileHandler(file, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"exec_log {file}: {error.strerror}") from error
    counting.keep_lines()
    has_ended = threading.Event()
    lost, failed = (Quiet(log, logging.WARNING, f"exec_log {file}: {what}") for what in ("lines were lost", "failed"))

    def write() -> None:
        found, missing = counting.lines()
        if missing:
            lost.tell(f"{missing} bytes, as more came than was written")
        lines = "\n".join(filter(None, (_rewritten(pid, line) for pid, line in found)))
        if lines:
            try:
                handler.emit(logging.makeLogRecord({"msg": lines}))
            except OSError as error:
                failed.tell(str(error))

    def run() -> None:
        while not has_ended.wait(EVERY_S):
            write()
        write()

    handler.handleError = lambda record: failed.tell(f"{len(record.msg)} characters")  # type: ignore[method-assign]
    thread = threading.Thread(target=run, name="exec log", daemon=True)
    thread.start()
    try:
        yield
    finally:
        has_ended.set()
        thread.join(END_S)
        handler.close()


def _rewritten(pid: int, line: bytes) -> str:
    """A client's line as our own, with its process; empty where it is no object of JSON."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    return (
        json.dumps({"client": pid} | found | {"client": pid}, separators=(",", ":")) if isinstance(found, dict) else ""
    )
