"""
Serves a site over HTTP beside the daemon, with few threads and few connections.

Must not know what is shown.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import waitress

from runner.errors import ConfigError
from runner.settings.tables import host_and_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

log = logging.getLogger("runner.web")

THREADS = 2
MOST_CONNECTIONS = 32
IDLE_S = 30  # a connection that says nothing for as long is closed
MOST_HEADER_BYTES = 16 * 1024
MOST_BODY_BYTES = 1024  # nothing here takes one
BACKLOG = 16
END_S = 2.0
PAUSE_S = 0.002
LOOK_S = 0.2


@contextlib.contextmanager
def serving(address: str, mode: int, application: WSGIApplication) -> Iterator[None]:
    """
    Serve for the length of a ``with`` block.

    Args:
        address: The setting ``http``.
        mode: Permissions of a Unix socket.
        application: What is served; called in ``THREADS`` threads.

    Raises:
        ConfigError: Nobody can listen there.
    """
    sock = _listening(address, mode)
    server = waitress.create_server(
        application,
        sockets=[sock],
        threads=THREADS,
        connection_limit=MOST_CONNECTIONS,
        channel_timeout=IDLE_S,
        cleanup_interval=IDLE_S,
        max_request_header_size=MOST_HEADER_BYTES,
        max_request_body_size=MOST_BODY_BYTES,
        backlog=BACKLOG,
        ident=None,
        log_socket_errors=False,
        clear_untrusted_proxy_headers=True,
    )
    ended = threading.Event()

    def run() -> None:
        try:
            # Its own run has no end. Between two rounds there is a pause, so that a process without descriptors, which
            # cannot accept, does not try it as fast as it can.
            while not ended.wait(PAUSE_S):
                server.asyncore.loop(timeout=LOOK_S, use_poll=True, map=server._map, count=1)  # noqa: SLF001 - as above
        except Exception:  # the daemon goes on without it
            log.exception("http has ended")

    thread = threading.Thread(target=run, name="http", daemon=True)
    thread.start()
    log.warning("http serves %s%s", address, _remark(address))
    try:
        yield
    finally:
        ended.set()
        thread.join(END_S)
        server.task_dispatcher.shutdown(timeout=END_S)
        server.close()
        for channel in list(server.active_channels.values()):
            channel.close()
        if address.startswith("/"):
            Path(address).unlink(missing_ok=True)


def _listening(address: str, mode: int) -> socket.socket:
    found = host_and_port(address)
    family = socket.AF_UNIX if found is None else socket.AF_INET6 if ":" in found[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        if found is None:
            # One may be left of a daemon that was killed; that no other runs is certain, as each holds its own socket.
            if Path(address).is_socket():
                Path(address).unlink(missing_ok=True)
            os.fchmod(sock.fileno(), mode & ~0o111)  # bind takes it from here, so it is never open for more
            sock.bind(address)
            Path(address).chmod(mode)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(found)
    except OSError as error:
        sock.close()
        raise ConfigError(f"http: cannot listen on {address}: {error.strerror}") from error
    return sock


def _remark(address: str) -> str:
    found = host_and_port(address)
    if found is None or ipaddress.ip_address(found[0]).is_loopback:
        return ""
    return ": whoever reaches this address reads names of scripts, Call-IDs and stacks"
