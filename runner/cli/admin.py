"""``app-mono status | workers | reload | reset | drain | stop``: commands to a running daemon."""

from __future__ import annotations

import json as json_
import os
import select
import time
from pathlib import Path
from typing import Any

from rich.table import Table

from runner.control.connection import Control, ControlError, ask
from runner.errors import ConfigError
from runner.settings import Settings

from . import show

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


def request(path: str, method: str) -> dict[str, Any]:
    """
    One request to the daemon.

    Raises:
        ConfigError: No daemon answers there.
    """
    deadline = time.monotonic() + ANSWER_S
    try:
        connection = Control.connect(path, deadline)
        try:
            return ask(connection, method, {}, deadline)
        finally:
            connection.close()
    except ControlError as error:
        raise ConfigError(f"no daemon answers: {error}; start one with app-mono serve --config FILE") from error


def status(path: str, *, as_json: bool) -> None:
    """What the daemon looks like now."""
    answer = request(path, "status")
    if as_json:
        show.line(json_.dumps(answer))
        return
    lent = sum(1 for worker in answer["workers"] if worker["client"])
    rows = [
        ("daemon", f"process {answer['pid']}, up {_duration(answer['up_s'])}, {answer['socket']}"),
        (
            "serves",
            f"mono_run of {answer['load']}"
            if answer["load"]
            else f"mono_exec below {', '.join(answer['script_dirs'])}",
        ),
        (
            "workers",
            f"{len(answer['workers'])} of at most {answer['max_workers']}: {lent} lent, {answer['starting']} starting",
        ),
        ("clients", f"{answer['clients']} connected, {answer['users']} of them run scripts, {answer['waiting']} wait"),
    ]
    if answer["from_earlier_daemon"]:
        rows.append(("", f"{answer['from_earlier_daemon']} still use a worker of an earlier daemon"))
    rows += [
        ("warming", f"worker {worker['pid']} runs {found['script']} for the first time, {_duration(found['since_s'])}")
        for worker in answer["workers"]
        if (found := worker["warming"])
    ]
    if answer["start_failures"]:
        when = f"next in {answer['next_start_s']} s" if answer["next_start_s"] else "trying again now"
        why = f"{answer['start_failures']} starts failed, {when}: {answer['start_error']}"
        rows.append(("trouble", why))
    for script, left_s in answer["refused_scripts"].items():
        rows.append(("refused", f"{script} {_until(left_s)}: it took worker after worker with it"))
    for message in answer["refused_messages"]:
        what = f"{message['script']} to messages of Call-ID {message['call_id']!a}"
        rows.append(("refused", f"{what} {_until(message['left_s'])}: they took worker after worker with them"))
    if answer["advice"]:
        rows.append(("advice", answer["advice"]))
    for name, text in rows:
        show.line(f"{name:<8} {text}")


def workers(path: str, *, as_json: bool) -> None:
    """The daemon's workers, one a line."""
    found = request(path, "status")["workers"]
    if as_json:
        show.line(json_.dumps(found))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("pid", "state", "client", "execs", "loads", "age", "scripts", "to be replaced"):
        table.add_column(name, justify="right" if name in {"pid", "client", "execs", "loads", "age"} else "left")
    for worker in found:
        cells = show.cells(
            str(worker["pid"]),
            "lent" if worker["client"] else "warming" if worker["warming"] else worker["state"],
            str(worker["client"] or ""),
            str(worker["execs"]),
            str(worker["loads"]),
            _duration(worker["age_s"]),
            " ".join(os.path.basename(loaded) for loaded in worker["loaded"]),  # noqa: PTH119  # a name, not a file
            worker["retire_reason"],
        )
        table.add_row(*cells)
    show.table(table)


def reload(path: str) -> None:
    """Let the daemon read its settings again, and name the changes for which that is not enough."""
    answer = request(path, "reload")
    show.line("settings read again")
    if late := answer["needs_restart"]:
        show.line(f"changed, and counts after a restart of the daemon: {', '.join(late)}")
    if elsewhere := answer.get("needs_kamailio_reload"):  # a daemon of an earlier version does not say
        show.line(f"changed, and counts in Kamailio after {KAMAILIO_RELOAD}: {', '.join(elsewhere)}")


def reset(path: str) -> None:
    """Replace every worker, and read ``load`` again."""
    request(path, "reset")
    show.line("every worker is replaced when its exec ends")


def end(path: str, method: str) -> None:
    """
    `drain` or `stop`, and wait until the daemon has gone.

    Raises:
        ConfigError: It is still there after a while.
    """
    process = os.pidfd_open(request(path, "status")["pid"])
    try:
        pid = request(path, method)["pid"]
        poll = select.poll()
        poll.register(process, select.POLLIN)
        if not poll.poll(ENDED_S * 1000):
            raise ConfigError(f"the daemon, process {pid}, has not ended after {ENDED_S:g} s")
    finally:
        os.close(process)
    show.line("stopped" if method == "stop" else "drained: workers that are lent go on with their clients")


def _until(left_s: float) -> str:
    return f"for {left_s} s more, until {time.strftime('%H:%M:%S', time.localtime(time.time() + left_s))}"


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
