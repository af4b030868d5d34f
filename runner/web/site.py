"""
What is shown at which path, as a WSGI application: read-only, without cookies, nothing from elsewhere.

Must not know how it is served, nor how the daemon comes to its numbers.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import threading
import time
from importlib.resources import files
from typing import TYPE_CHECKING

from .metrics import exposition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from runner.control.status import Status

log = logging.getLogger("runner.web")

SHARED_S = 0.2  # those who ask together get one answer: to look at everything takes a moment of the daemon
PLAIN = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"
PAGE = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
HEADERS = [
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]

Answer = tuple[str, str, bytes]
"""Status line, type, content."""


class Site:
    """
    The application. Safe to use from several threads.

    Args:
        status: What the daemon looks like now.
        history: What it had counted at moments of the last minutes, for charts.
        version: Of the daemon.
        is_unix: It is reached over a Unix socket, so the name that a browser uses for it means nothing.
    """

    def __init__(
        self, status: Callable[[], Status], history: Callable[[], object], version: str, *, is_unix: bool = False
    ) -> None:
        self._look = status
        self._history = history
        self._version = version
        self._is_unix = is_unix
        self._lock = threading.Lock()
        self._last: Status | None = None
        self._last_at = 0.0
        self._page = {path: (files("runner.web") / "page" / name).read_bytes() for path, (name, _) in PAGE.items()}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; never raises."""
        try:
            line, kind, content = self._answer(environ)
        except Exception:  # a fault here must not end the thread, nor show a stranger our stack
            log.exception("internal error in %s", environ.get("PATH_INFO"))
            line, kind, content = "500 Internal Server Error", PLAIN, b"internal error, see the daemon's log\n"
        allow = [("Allow", "GET, HEAD")] if line.startswith("405") else []
        start_response(line, [("Content-Type", kind), ("Content-Length", str(len(content))), *HEADERS, *allow])
        return [content] if environ["REQUEST_METHOD"] != "HEAD" else []

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return "405 Method Not Allowed", PLAIN, b"this only shows: use GET\n"
        if not self._is_unix and not _is_address(environ.get("HTTP_HOST", "")):
            # A page from elsewhere could reach this one by a name of its own (DNS rebinding).
            return "421 Misdirected Request", PLAIN, b"ask by the IP address, or as localhost\n"
        path = environ.get("PATH_INFO", "")
        if path in self._page:
            return "200 OK", PAGE[path][1], self._page[path]
        match path:
            case "/metrics":
                return "200 OK", METRICS, exposition(self._status(), self._version)
            case "/api/status":
                return "200 OK", "application/json", json.dumps(self._status().as_json()).encode()
            case "/api/history":
                return "200 OK", "application/json", json.dumps(self._history()).encode()
            case "/health":
                return _verdict(ill(self._status()))
            case "/ready":
                return _verdict(busy(self._status()))
        return "404 Not Found", PLAIN, b"there is: / /metrics /health /ready /api/status /api/history\n"

    def _status(self) -> Status:
        with self._lock:
            if self._last is None or time.monotonic() - self._last_at > SHARED_S:
                self._last, self._last_at = self._look(), time.monotonic()
            return self._last


def ill(status: Status) -> str:
    """Why scripts cannot run; empty when a worker is alive."""
    if status.workers:
        return ""
    why = f": {status.start_error}" if status.start_error else ""
    return f"no worker is alive, {status.starting} are being started{why}"


def busy(status: Status) -> str:
    """Why a process that runs its first script now would have to wait; empty when it would not."""
    lent = sum(worker.client is not None for worker in status.workers)
    if reason := ill(status):
        return reason
    if any(worker.state == "idle" for worker in status.workers):
        return ""
    if len(status.workers) + status.starting < status.max_workers and not status.next_start_s:
        return ""
    if lent >= status.users and not status.waiting:
        return ""  # each process that runs scripts has its own
    return f"all of {len(status.workers)} workers are busy, {status.waiting} clients wait"


def _verdict(reason: str) -> Answer:
    if reason:
        return "503 Service Unavailable", PLAIN, f"{reason}\n".encode()
    return "200 OK", PLAIN, b"ok\n"


def _is_address(host: str) -> bool:
    """Whether a Host header names this server by an IP address or as localhost, whatever the port."""
    name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name == "localhost"
    return True
