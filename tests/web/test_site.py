"""web.site: what is shown at which path, and what nobody gets."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from wsgiref.util import setup_testing_defaults

import pytest

from runner.control.status import Status
from runner.web.__main__ import nothing
from runner.web.site import PAGE, Site, busy, ill
from tests.programs import WAIT_S
from tests.web.test_metrics import busy as with_workers

if TYPE_CHECKING:
    from collections.abc import Callable

JUST_STARTED = nothing()
SERVES = with_workers()
ALL_LENT = replace(SERVES, workers=SERVES.workers[:1], max_workers=1, users=1)


def get(
    path: str, status: Callable[[], Status] = lambda: SERVES, *, method: str = "GET", host: str = "127.0.0.1:9464"
) -> tuple[str, dict[str, str], bytes]:
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": host}
    setup_testing_defaults(environ)
    found: list[tuple[str, dict[str, str]]] = []
    content = b"".join(Site(status, list, "0.1")(environ, lambda line, headers: found.append((line, dict(headers)))))  # type: ignore[arg-type]
    ((line, headers),) = found
    return line, headers, content


def test_the_status_is_what_the_control_socket_says() -> None:
    line, headers, content = get("/api/status")

    assert (line, headers["Content-Type"]) == ("200 OK", "application/json")
    assert Status.read(json.loads(content)) == SERVES


def test_the_metrics_say_which_form_they_have() -> None:
    line, headers, content = get("/metrics")

    assert (line, headers["Content-Type"]) == ("200 OK", "text/plain; version=0.0.4; charset=utf-8")
    assert b"app_mono_execs_total{" in content
    assert b"process_start_time_seconds" in content


@pytest.mark.parametrize("path", PAGE)
def test_the_page_lets_nothing_from_elsewhere_in(path: str) -> None:
    line, headers, content = get(path)

    assert line == "200 OK"
    assert len(content) == int(headers["Content-Length"]) > 1000
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers
    assert b"http://" not in content.replace(b"http://www.w3.org/2000/svg", b"")  # a name, not an address
    assert b"https://" not in content
    assert b"innerHTML" not in content


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_it_only_shows(method: str) -> None:
    line, headers, _ = get("/api/status", method=method)

    assert (line, headers["Allow"]) == ("405 Method Not Allowed", "GET, HEAD")


def test_head_has_the_length_and_no_content() -> None:
    _, headers, content = get("/", method="HEAD")

    assert (int(headers["Content-Length"]) > 1000, content) == (True, b"")


@pytest.mark.parametrize(
    ("host", "line"),
    [
        ("127.0.0.1:9464", "200 OK"), ("10.1.2.3", "200 OK"), ("[::1]:9464", "200 OK"), ("localhost:80", "200 OK"),
        ("evil.example:9464", "421 Misdirected Request"), ("", "421 Misdirected Request"),
        ("localhost.evil.example", "421 Misdirected Request"),
    ],
)  # fmt: skip
def test_a_page_from_elsewhere_cannot_read_it_by_a_name_of_its_own(host: str, line: str) -> None:
    assert get("/api/status", host=host)[0] == line


def test_an_unknown_path_names_those_that_there_are() -> None:
    line, _, content = get("/../etc/passwd")

    assert line == "404 Not Found"
    assert b"/metrics" in content


def test_a_fault_is_logged_and_shows_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Status:
        raise KeyError("secret")

    line, _, content = get("/metrics", fails)

    assert (line, content) == ("500 Internal Server Error", b"internal error, see the daemon's log\n")
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("path", "status", "line", "content"),
    [
        ("/health", SERVES, "200 OK", b"ok\n"),
        ("/ready", SERVES, "200 OK", b"ok\n"),
        ("/ready", ALL_LENT, "200 OK", b"ok\n"),
        ("/health", JUST_STARTED, "503 Service Unavailable", b"no worker is alive, 0 are being started\n"),
        ("/ready", replace(ALL_LENT, users=3, waiting=2), "503 Service Unavailable",
         b"all of 1 workers are busy, 2 clients wait\n"),
    ],
)  # fmt: skip
def test_health_and_readiness_say_why_not(path: str, status: Status, line: str, content: bytes) -> None:
    found, _, text = get(path, lambda: status)

    assert (found, text) == (line, content)


def test_the_reason_of_a_start_that_fails_is_said() -> None:
    failing = replace(JUST_STARTED, start_error="mono: no such file", max_workers=4, next_start_s=2.0)

    assert ill(failing) == busy(failing) == "no worker is alive, 0 are being started: mono: no such file"


def test_who_asks_within_a_moment_gets_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.web.site.SHARED_S", WAIT_S)
    looks: list[int] = []

    def look() -> Status:
        looks.append(1)
        return SERVES

    site = Site(look, list, "0.1")
    for _ in range(5):
        environ: dict[str, Any] = {"PATH_INFO": "/health"}
        setup_testing_defaults(environ)
        site(environ, lambda *_: print)

    assert len(looks) == 1
