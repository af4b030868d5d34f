"""The configuration of nats-server that ``app-mono cluster-config`` prints: users, and what each may say and hear."""

from __future__ import annotations

import secrets

from . import names

PASSWORD_BYTES = 18

TEXT = """\
# nats-server 2.9 or later: nats-server -c THIS-FILE. Each server has its own server_name, listen and store_dir.
# The passwords were made now and are in no other place. docs/cluster.md says what each part is for.
server_name: "{server}"
listen: "0.0.0.0:4222"
jetstream {{ store_dir: "/var/lib/nats" }}
{cluster}
# With certificates, and tls:// instead of nats:// in the URLs:
# tls {{ cert_file: "/etc/nats/server.pem", key_file: "/etc/nats/server.key" }}

# More in one message is not needed, and a line of a worker may take several.
max_payload: 1MB
# A client that does not answer within this time is gone.
ping_interval: "5s"
ping_max: 2

authorization {{
  users: [
    # Kamailio's machines: they ask for leases and put builds into the object store.
    {{ user: "sip", password: "{sip}", permissions: {{
      publish: {{ allow: [{sip_says}] }}
      subscribe: {{ allow: [{sip_hears}] }}
    }} }}
    # The nodes: they give leases and fetch builds. They cannot put any there.
    {{ user: "node", password: "{node}", permissions: {{
      publish: {{ allow: [{node_says}] }}
      subscribe: {{ allow: [{node_hears}] }}
      allow_responses: true
    }} }}
    # People: app-mono nodes, and the tools of NATS.
    {{ user: "admin", password: "{admin}" }}
  ]
}}
"""

CLUSTER = """\
cluster {{
  name: "app-mono"
  listen: "0.0.0.0:6222"
  routes: [{routes}]
}}
"""

STREAM = f"OBJ_{names.BUCKET}"
READS = (f"$JS.API.STREAM.INFO.{STREAM}", f"$JS.API.STREAM.MSG.GET.{STREAM}", f"$JS.API.DIRECT.GET.{STREAM}.>")
FETCHES = (
    "$JS.API.STREAM.NAMES",
    f"$JS.API.CONSUMER.*.{STREAM}.>",
    f"$JS.API.CONSUMER.CREATE.{STREAM}",
    f"$JS.ACK.{STREAM}.>",
    "$JS.FC.>",
)
MAKES = (f"$JS.API.STREAM.CREATE.{STREAM}", f"$JS.API.STREAM.PURGE.{STREAM}", f"$O.{names.BUCKET}.>")

SAYS = {
    "sip": (
        f"{names.LEASES}.>",
        f"{names.NODES}.>",
        f"{names.ROOT}.leases.*",
        names.AHEAD,
        names.STATS,
        *READS,
        *MAKES,
    ),
    "node": (f"{names.HOSTS}.>", *READS, *FETCHES),
}
"""What a user may publish."""
HEARS = {
    "sip": (f"{names.HOSTS}.>", f"{names.INBOX.format(user='sip')}.>"),
    "node": (
        f"{names.LEASES}.>",
        f"{names.NODES}.>",
        f"{names.ROOT}.leases.*",
        names.AHEAD,
        "$SRV.>",
        f"{names.INBOX.format(user='node')}.>",
    ),
}
"""What a user may subscribe to."""


def configuration(servers: list[str]) -> str:
    """
    The text, with new passwords.

    Args:
        servers: The names of all machines with a server; the text is for the first one. None or one: no cluster.
    """
    routes = ", ".join(f'"nats://{server}:6222"' for server in servers)
    return TEXT.format(
        server=servers[0] if servers else "n1",
        cluster=CLUSTER.format(routes=routes) if len(servers) > 1 else "",
        sip=secrets.token_urlsafe(PASSWORD_BYTES),
        node=secrets.token_urlsafe(PASSWORD_BYTES),
        admin=secrets.token_urlsafe(PASSWORD_BYTES),
        sip_says=_quoted(SAYS["sip"]),
        sip_hears=_quoted(HEARS["sip"]),
        node_says=_quoted(SAYS["node"]),
        node_hears=_quoted(HEARS["node"]),
    )


def _quoted(subjects: tuple[str, ...]) -> str:
    return ", ".join(f'"{subject}"' for subject in subjects)
