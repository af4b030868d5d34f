"""The options of ``app-mono node``, ``nodes`` and ``cluster-config``. Must not do the work itself."""

from __future__ import annotations

from typing import Annotated

import typer

from .ending import guarded

app = typer.Typer()

Config = Annotated[
    str | None, typer.Option("--config", metavar="FILE", envvar="APP_MONO_CONFIG", help="Settings, a TOML file.")
]
Nats = Annotated[
    str | None,
    typer.Option("--nats", metavar="URL[,HOST]...", help="Servers of NATS, as the setting nats.", show_default=False),
]


@app.command()
def node(
    *,
    config: Config = None,
    nats: Nats = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What people call it.", show_default="the machine's name")
    ] = None,
) -> None:
    """Lend this machine's workers to the daemons of other machines. TERM drains."""
    from .cluster import node as serve_daemons  # noqa: PLC0415 - other commands need none of it and stay quick

    guarded(lambda: serve_daemons(config, nats, name))


@app.command()
def nodes(
    *,
    config: Config = None,
    nats: Nats = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON array, for programs.")] = False,
) -> None:
    """List the nodes, their workers and their leases. Exit status 1 when there is none."""
    from .cluster import nodes as show_nodes  # noqa: PLC0415 - as above

    guarded(lambda: show_nodes(config, nats, as_json=json))


@app.command()
def cluster_config(
    servers: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVER]...", help="The machines with a NATS server.")
    ] = None,
) -> None:
    """Print a configuration of nats-server, with users sip, node and admin and new passwords."""
    from .cluster import cluster_config as print_it  # noqa: PLC0415 - as above

    guarded(lambda: print_it(servers or []))
