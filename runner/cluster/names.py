"""
The subjects of NATS that daemons and nodes speak on, and the users that may.

Whoever is not named as a subject's speaker is refused by the server: ``config`` prints its configuration. Must not
import nats-py.
"""

from __future__ import annotations

import re
import secrets

ROOT = "appmono.v1"
LEASES = f"{ROOT}.lease"
NODES = f"{ROOT}.node"
HOSTS = f"{ROOT}.host"
AHEAD = f"{ROOT}.ahead"
"""A build that will be asked for: daemons say it, nodes fetch and load it."""
GROUP = "nodes"
"""The queue group of the nodes: one of them gets a request for a lease."""
SERVICE = "app-mono-node"
"""The name of a node as a micro-service of NATS."""
STATS = f"$SRV.STATS.{SERVICE}"
BUCKET = "app-mono-builds"
"""The object store of files by their SHA-256."""
INBOX = "_INBOX_{user}"
"""Where the answers for one user come in: nobody else may listen there."""

ID_BYTES = 8


def new_id() -> str:
    """A name that no other lease, daemon or node has."""
    return secrets.token_hex(ID_BYTES)


def lease(runtime: str) -> str:
    """Requests for a worker of a runtime."""
    return f"{LEASES}.{token(runtime)}"


def node(node_id: str, lease_id: str) -> str:
    """What goes to the worker of a lease; ``*`` for all leases of the node."""
    return f"{NODES}.{node_id}.{lease_id}"


def leases_of(node_id: str) -> str:
    """Which leases a daemon and this node still know of each other."""
    return f"{ROOT}.leases.{node_id}"


def host(host_id: str, lease_id: str) -> str:
    """What comes from the worker of a lease; ``*`` for all leases of the daemon."""
    return f"{HOSTS}.{host_id}.{lease_id}"


def token(text: str) -> str:
    """A text as one part of a subject."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text) or "_"
