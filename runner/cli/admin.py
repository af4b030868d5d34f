"""``app-mono status | workers | reload | reset | drain | stop``: what an administrator asks of a running daemon."""

from __future__ import annotations

import json as json_
import os
import select
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.table import Table

from runner.control import messages
from runner.control.connection import Control, ControlError, OtherEndFailed, ask
from runner.control.counters import OUTCOMES, quantile
from runner.control.kinds import Malformed
from runner.control.messages import StatusRequest
from runner.control.status import Status
from runner.errors import ConfigError
from runner.settings import Settings

from . import show

if TYPE_CHECKING:
    from runner.control.messages import Message
    from runner.control.status import ScriptStatus

A = TypeVar("A", bound="Message")

ANSWER_S = 10.0
ENDED_S = 15.0
KAMAILIO_RELOAD = "kamcmd app_python.reload (with app_python3s: app_python3s.reload)"
DEFAULT_CONFIG = "/etc/app-mono/app-mono.toml"


def socket_path(config: str | None, socket: str | None) -> str:
    """Where the daemon listens: the option, else what the settings say; /etc/app-mono's where they are there."""
    if socket is not None:
        return socket
    if config is None and Path(DEFAULT_CONFIG).exists():
        config = DEFAULT_CONFIG
    return str((Settings.from_file(config) if config else Settings()).socket)


def request(path: str, asked: type[Message], answer: type[A]) -> A:
    """
    One request to the daemon, and its answer.

    Raises:
        ConfigError: No daemon answers there, or one of another version.
        RunnerError: The daemon refused.
    """
    deadline = time.monotonic() + ANSWER_S
    try:
        connection = Control.connect(path, deadline)
        try:
            return answer.read(ask(connection, asked.method, {}, deadline))
        finally:
            connection.close()
    except Malformed as error:
        raise ConfigError(f"the daemon at {path} is of another version, restart it: {asked.method}: {error}") from error
    except OtherEndFailed as error:
        raise ConfigError(f"the daemon at {path} failed: {error}") from error
    except ControlError as error:
        raise ConfigError(f"no daemon answers: {error}; start one with app-mono serve --config FILE") from error


def status(path: str, *, as_json: bool) -> None:
    """What the daemon looks like now."""
    now = request(path, StatusRequest, Status)
    if as_json:
        show.line(json_.dumps(now.as_json()))
        return
    lent = sum(1 for worker in now.workers if worker.client)
    rows = [
        ("daemon", f"process {now.pid}, up {duration(now.up_s)}, {now.socket}"),
        ("serves", f"mono_run of {now.load}" if now.load else f"mono_exec below {', '.join(now.script_dirs)}"),
        ("workers", f"{len(now.workers)} of at most {now.max_workers}: {lent} lent, {now.starting} starting"),
        ("clients", f"{now.clients} connected, {now.users} of them run scripts, {now.waiting} wait"),
    ]
    if now.from_earlier_daemon:
        rows.append(("", f"{now.from_earlier_daemon} still use a worker of an earlier daemon"))
    rows += [
        ("warming", f"worker {worker.pid} runs {found.script} for the first time, {duration(found.since_s)}")
        for worker in now.workers
        if (found := worker.warming)
    ]
    if now.start_failures:
        when = f"next in {now.next_start_s} s" if now.next_start_s else "trying again now"
        rows.append(("trouble", f"{now.start_failures} starts failed, {when}: {now.start_error}"))
    rows += [("script", _script(script)) for script in now.scripts]
    for script, left_s in now.refused_scripts.items():
        rows.append(("refused", f"{script} {_until(left_s)}: it took worker after worker with it"))
    for message in now.refused_messages:
        what = f"{message.script} to messages of Call-ID {message.call_id!a}"
        rows.append(("refused", f"{what} {_until(message.left_s)}: they took worker after worker with them"))
    if now.advice:
        rows.append(("advice", now.advice))
    for name, text in rows:
        show.line(f"{name:<8} {text}")


def workers(path: str, *, as_json: bool) -> None:
    """The daemon's workers, one a line."""
    found = request(path, StatusRequest, Status).workers
    if as_json:
        show.line(json_.dumps([worker.as_json() for worker in found]))
        return
    table = Table(box=None, pad_edge=False)
    far = ["node"] if any(worker.node for worker in found) else []
    for name in ("pid", *far, "runtime", "state", "client", "execs", "loads", "age", "scripts", "to be replaced"):
        table.add_column(name, justify="right" if name in {"pid", "client", "execs", "loads", "age"} else "left")
    for worker in found:
        cells = show.cells(
            str(worker.pid),
            *([worker.node] if far else []),
            worker.runtime,
            "lent" if worker.client else "warming" if worker.warming else worker.state,
            str(worker.client or ""),
            str(worker.execs),
            str(worker.loads),
            duration(worker.age_s),
            " ".join(os.path.basename(loaded) for loaded in worker.loaded),  # noqa: PTH119  # a name, not a file
            worker.retire_reason,
        )
        table.add_row(*cells)
    show.table(table)


def reload(path: str) -> None:
    """Let the daemon read its settings again, and name the changes for which that is not enough."""
    answer = request(path, messages.ReloadRequest, messages.ReloadAnswer)
    show.line("settings read again")
    if answer.needs_restart:
        show.line(f"changed, and counts after a restart of the daemon: {', '.join(answer.needs_restart)}")
    if answer.needs_kamailio_reload:
        names = ", ".join(answer.needs_kamailio_reload)
        show.line(f"changed, and counts in Kamailio after {KAMAILIO_RELOAD}: {names}")


def reset(path: str) -> None:
    """Replace every worker, and read ``load`` again."""
    request(path, messages.ResetRequest, messages.Done)
    show.line("every worker is replaced when its exec ends")


def drain(path: str) -> None:
    """
    Let the daemon end, and leave lent workers to their clients.

    Raises:
        ConfigError: It is still there after a while.
    """
    _end(path, messages.DrainRequest)
    show.line("drained: workers that are lent go on with their clients")


def stop(path: str) -> None:
    """
    Let the daemon end, and all of its workers.

    Raises:
        ConfigError: It is still there after a while.
    """
    _end(path, messages.StopRequest)
    show.line("stopped")


def _end(path: str, asked: type[messages.DrainRequest | messages.StopRequest]) -> None:
    """
    Let the daemon end, and wait until the daemon has gone.

    Raises:
        ConfigError: It is still there after a while.
    """
    # Of its status the pid alone is read, so that a daemon of another version can be ended as well.
    process = os.pidfd_open(request(path, StatusRequest, messages.Process).pid)
    try:
        pid = request(path, asked, messages.Process).pid
        poll = select.poll()
        poll.register(process, select.POLLIN)
        if not poll.poll(ENDED_S * 1000):
            raise ConfigError(f"the daemon, process {pid}, has not ended after {ENDED_S:g} s")
    finally:
        os.close(process)


def _script(script: ScriptStatus) -> str:
    """What was counted of a script, in a line."""
    outcomes = {name: sum(int(build.outcomes.get(name, 0)) for build in script.builds) for name in OUTCOMES}
    times = [sum(counts) for counts in zip(*(build.times for build in script.builds), strict=True)]
    spread = f"half within {quantile(times, 0.5) * 1000:.3g} ms, 99 % within {quantile(times, 0.99) * 1000:.3g} ms"
    counted = ", ".join(f"{count} {name}" for name, count in outcomes.items() if count)
    live = f"; {script.reloads} reloads, the last live after {script.live_s:g} s" if script.reloads else ""
    return f"{script.path or 'not known'}: {counted or 'no exec'}; {spread}{live}"


def _until(left_s: float) -> str:
    return f"for {left_s} s more, until {time.strftime('%H:%M:%S', time.localtime(time.time() + left_s))}"


def duration(seconds: float) -> str:
    """A time for people."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s" if seconds >= 1 or not seconds else f"{seconds * 1000:.3g} ms"
