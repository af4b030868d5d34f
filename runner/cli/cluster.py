"""``app-mono node``, ``nodes`` and ``cluster-config``: the other machines, and the NATS between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import TYPE_CHECKING, Any

from runner.cluster import names
from runner.cluster.config import configuration
from runner.cluster.connection import Connection
from runner.cluster.messages import status
from runner.cluster.node import Node
from runner.control.kinds import Malformed
from runner.errors import ConfigError
from runner.runner import Runner
from runner.settings import Settings
from runner.worker.confine import refuse_root

from . import show
from .outcome import FALSE, TRUE
from .serve import log_to

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from runner.cluster.messages import NodeStatus

ANSWERS_S = 1.0  # nodes answer within milliseconds, and nobody knows how many there are


def settings_of(config: str | None, urls: str | None) -> Settings:
    """
    The settings of a command of the cluster.

    Raises:
        ConfigError: They are not valid, or name no server.
    """
    more: dict[str, Any] = {"nats": urls.split(",")} if urls else {}
    settings = Settings.from_file(config, **more) if config else Settings(**more)
    if not settings.nats:
        raise ConfigError("say where NATS is: --nats nats://USER:PASSWORD@HOST:4222, or the setting nats")
    return settings


def node(config: str | None, urls: str | None, name: str | None) -> int:
    """
    Lend this machine's workers until SIGTERM or SIGINT, and then until they are back; the exit status.

    Raises:
        RunnerError: It cannot start.
    """
    settings = settings_of(config, urls)
    if "num_workers" not in settings.model_fields_set:  # a node has nothing else to do than to be ready
        settings = settings.model_copy(update={"num_workers": settings.max_workers})
    if not settings.max_workers:
        raise ConfigError("max_workers: a node needs at least 1, 0 came")
    log_to(settings.log_file)
    refuse_root(settings)
    with Runner(settings) as runner, Connection(settings, f"app-mono node {name or os.uname().nodename}") as connection:
        serving = Node(settings, runner, connection, name or "")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: serving.end())
        serving.serve()
    return TRUE


def nodes(config: str | None, urls: str | None, *, as_json: bool) -> int:
    """Show the nodes; FALSE when none answers."""
    with Connection(settings_of(config, urls), "app-mono nodes") as connection:
        found = connection.call(_statuses(connection), 10 * ANSWERS_S)
    if as_json:
        show.line(json.dumps([one.as_json() for one in found]))
    elif not found:
        show.line("no node answers")
    else:
        for line in _table(found):
            show.line(line)
    return TRUE if found else FALSE


def cluster_config(servers: list[str]) -> int:
    """Print a configuration of nats-server."""
    for line in configuration(servers).splitlines():
        show.line(line)
    return TRUE


async def _statuses(connection: Connection) -> list[NodeStatus]:
    found: dict[str, NodeStatus] = {}

    async def hear(message: Msg) -> None:
        try:
            one = status(message.data)
        except Malformed:
            return  # nobody listens: the server says so in a message of its own
        found[one.node] = one

    if not connection.is_connected:
        raise ConfigError("nats: there is no connection to NATS")
    inbox = connection.client().new_inbox()
    await connection.listen(inbox, hear)
    connection.publish(names.STATS, b"", inbox)
    await asyncio.sleep(ANSWERS_S)
    return sorted(found.values(), key=lambda one: (one.name, one.node))


def _table(found: list[NodeStatus]) -> list[str]:
    head = ("node", "process", "up", "workers", "leased", "leases", "lost", "builds", "state")
    rows = [
        (
            one.name,
            str(one.pid),
            f"{one.up_s:.0f} s",
            ", ".join(f"{one.free.get(name, 0)} of {count} {name} free" for name, count in one.places.items()),
            str(one.leased),
            str(one.leases),
            str(one.lost),
            str(one.builds),
            "ends" if one.is_draining else "serves",
        )
        for one in found
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in (head, *rows)]
    return ["  ".join(cells).rstrip() for cells in lines]
