"""``app-mono serve --config``: the daemon in the foreground, its log, and the signals of its administrator."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import time
from functools import partial
from importlib.metadata import version
from logging.handlers import WatchedFileHandler
from typing import TYPE_CHECKING, Any

from runner.daemon.daemon import Daemon
from runner.daemon.exec_log import writing
from runner.daemon.systemd import end_others
from runner.errors import ConfigError, RunnerError
from runner.printable import RecordFormatter
from runner.settings import Settings

from .ending import naming_load

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

log = logging.getLogger("runner.serve")

# sd-daemon(3): the journal takes the level from the first characters of a line.
JOURNAL_LEVELS = ((logging.ERROR, "<3>"), (logging.WARNING, "<4>"), (logging.INFO, "<6>"), (0, "<7>"))

LEFT_S = 2.0  # of the end: what scripts left running, and what that starts meanwhile


def serve(config: str | None, others: Mapping[str, str | None], nats: str | None = None) -> int:
    """
    Run the daemon until SIGTERM, SIGINT, or a client's `drain` or `stop`; the exit status.

    SIGTERM leaves workers to the clients that hold them. SIGINT (Ctrl-C) ends everything, and where this is the main
    process of a unit of systemd also what scripts left running in it. SIGHUP reads the settings again. The log file
    may be moved away at any time: the next line creates it again.

    Args:
        config: Its settings, a TOML file.
        others: Options that were given and have no meaning for a daemon.
        nats: Servers of NATS, with commas between; None: as the settings say.

    Raises:
        RunnerError: It cannot start.
    """
    misplaced = next((name for name, value in others.items() if value is not None), None)
    if misplaced is not None:
        raise ConfigError(f"{misplaced} has a meaning with --sip only, for example --sip udp:127.0.0.1:5060")
    if config is None:
        raise ConfigError("say what to serve: --config FILE for Kamailio's daemon, or --sip udp:IP:PORT --exec SCRIPT")
    more: dict[str, Any] = {"nats": nats.split(",")} if nats else {}
    settings = Settings.from_file(config, **more)
    log_to(settings.log_file)
    reread = partial(Settings.from_file, config, **more)
    with naming_load(), Daemon(settings, reread) as daemon, _shown(settings, daemon):
        signal.signal(signal.SIGTERM, lambda *_: daemon.end(keeps_loans=True))
        signal.signal(signal.SIGINT, lambda *_: daemon.end(keeps_loans=False))
        signal.signal(signal.SIGHUP, lambda *_: _reload(daemon))
        log.warning("serving %s, process %d", settings.socket, os.getpid())
        keeps_loans = daemon.serve()
    if not keeps_loans and (left := end_others(time.monotonic() + LEFT_S)):
        log.warning("ended %d processes that scripts had left in the unit", left)
    log.warning("ended")
    return 0


@contextlib.contextmanager
def _shown(settings: Settings, daemon: Daemon) -> Iterator[None]:
    """What ``exec_log`` and ``http`` ask for; nothing of the latter is imported where that is not set."""
    with contextlib.ExitStack() as stack:
        if settings.exec_log is not None:
            stack.enter_context(writing(settings.exec_log, daemon.counting))
        if settings.http:
            from runner.web.server import serving  # noqa: PLC0415
            from runner.web.site import Site  # noqa: PLC0415

            is_unix = settings.http.startswith("/")
            site = Site(daemon.status, daemon.history, version("app-mono"), is_unix=is_unix)
            stack.enter_context(serving(settings.http, int(settings.socket_mode, 8), site))
        yield


def _reload(daemon: Daemon) -> None:
    try:
        daemon.reload()
    except RunnerError as error:
        log.error("the old settings stay: %s", error)  # noqa: TRY400  # the message says it all


def log_to(file: Path | None) -> None:
    """
    Log into a file; None: to standard error.

    Raises:
        ConfigError: It cannot be written.
    """
    handler: logging.Handler
    if file is not None:
        try:
            handler = _LogFile(file, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise ConfigError(f"log_file {file}: {error.strerror}") from error
        handler.setFormatter(RecordFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_Journal() if "JOURNAL_STREAM" in os.environ else RecordFormatter("%(message)s"))
    logger = logging.getLogger("runner")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _LogFile(WatchedFileHandler):
    """A line that cannot be written, for example because the file system is full, goes to standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        # WatchedFileHandler raises when it cannot create the file again, in whatever code wanted to log.
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        with contextlib.suppress(Exception):
            sys.stderr.write(f"{self.format(record)}\n")


class _Journal(RecordFormatter):
    def format(self, record: logging.LogRecord) -> str:
        level = next(mark for least, mark in JOURNAL_LEVELS if record.levelno >= least)
        return "\n".join(level + line for line in super().format(record).split("\n"))
