"""The page at /, in a real browser; all of it by `make test-browser`, which leaves pictures in build/page."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Self

import pytest

from runner.client.lease import Lease
from runner.errors import RunnerError
from runner.hosts.embedded.host import MessageHost
from tests.places import INVITE, ROOT
from tests.ports import free_tcp_port
from tests.programs import WAIT_S
from tests.running_daemon import RunningDaemon, compiled
from tests.web.browser import CHROMIUM, Browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

long = pytest.mark.skipif("BROWSER_LONG" not in os.environ, reason="takes half a minute: make test-browser runs it")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="make test-browser installs chromium and runs this")

FAST = 'static int Main() {{ return PV.SetS("$var(x)", "{}"); }}'
THROWS = (
    'static int Main() { Look(PV.GetS("$rU")); return 0; } '
    'static void Look(string user) { throw new InvalidOperationException("<b>no table</b> for " + user); }'
)
SCRIPTS = {"Fast": FAST.format(0), "Slow": "static int Main() { Thread.Sleep(30); return 1; }", "Throws": THROWS}
PAUSES_S = {"Fast": 0.02, "Slow": 0.1, "Throws": 0.5}
SEEN_S = 5.0  # on a quiet machine it takes less than a second
EXECS = "Number(document.querySelector('#numbers b')?.textContent)"


class Traffic:
    """A daemon whose scripts run all the time, until the end of a ``with`` block."""

    def __init__(self, directory: Path) -> None:
        self.port = free_tcp_port()
        self.address = f"http://127.0.0.1:{self.port}/"
        self.daemon = RunningDaemon(directory, f'http = "127.0.0.1:{self.port}"\nmax_workers = 5\nexec_timeout_s = 5.0')
        self._has_ended = threading.Event()

    def __enter__(self) -> Self:
        self.daemon.__enter__()
        self.new = compiled(self.daemon.scripts, "Fast", FAST.format(1)).rename(self.daemon.directory / "new.exe")
        scripts = [compiled(self.daemon.scripts, name, body) for name, body in SCRIPTS.items()]
        self._threads = [threading.Thread(target=self._run, args=(script,)) for script in scripts]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._has_ended.set()
        for thread in self._threads:
            thread.join(WAIT_S)
        self.daemon.__exit__(None, None, None)

    def _run(self, script: Path) -> None:
        lease, host = Lease(str(self.daemon.socket)), MessageHost(INVITE)
        while not self._has_ended.wait(PAUSES_S[script.stem]):
            began = time.monotonic()
            try:
                lease.note(str(script), lease.exec(str(script), None, host, began + WAIT_S), began, host)
            except RunnerError as error:
                lease.note(str(script), error, began, host)
        lease.close()


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traffic]:
    with Traffic(tmp_path_factory.mktemp("traffic")) as running:
        yield running


def test_numbers_change_a_new_build_appears_and_a_stack_can_be_read(traffic: Traffic) -> None:
    with Browser() as browser:
        browser.open(traffic.address)
        browser.wait(f"{EXECS} > 10")
        before = browser.value(EXECS)
        browser.wait(f"{EXECS} > {before}")
        browser.wait("document.querySelectorAll('#workers tr').length > 3")
        assert browser.value("document.getElementById('state').textContent") == "ready"

        browser.wait("document.querySelector('#incidents details')")
        browser.value("document.querySelector('#incidents summary').click()")
        browser.wait("document.querySelector('#incidents pre')?.textContent?.includes('Throws.Look')")
        shown = browser.value("document.querySelector('#incidents summary').textContent")
        assert "InvalidOperationException: <b>no table</b> for bob" in shown
        assert browser.value("document.querySelectorAll('#incidents b').length") == 0

        cells = "[...document.querySelectorAll('#scripts td')]"
        browser.value(f"{cells}.forEach((cell) => {{ cell.seen = cell.textContent; }})")
        browser.wait(f"{cells}.some((cell) => cell.seen && cell.seen !== cell.textContent)")  # its meaning stays there

        builds = "[...document.querySelectorAll('#scripts td:nth-child(2)')].map((cell) => cell.textContent)"
        before = browser.value(builds)
        saved = time.monotonic()
        traffic.new.rename(traffic.daemon.scripts / "Fast.exe")
        browser.wait(f"{builds}.length > {len(before)}")
        print(f"a new build was seen {time.monotonic() - saved:.2f} s after the save")  # noqa: T201  # pytest -s shows it
        assert time.monotonic() - saved < SEEN_S
        assert set(before) < set(browser.value(builds))

        browser.wait("document.querySelectorAll('#checks tr').length > 5")
        assert browser.value("document.getElementById('checks').textContent.includes('only below ')")

        shown = "#numbers div, th, td:not([colspan]), .axis span, figcaption, summary, details p"
        untitled = f"[...document.querySelectorAll('{shown}')].filter((found) => !found.title)"
        assert browser.value(f"{untitled}.length") == 0, "a number without its meaning"
        assert browser.complaints == []
        assert [url for url in browser.asked if not url.startswith((traffic.address, "data:"))] == []


@long
@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 1300), (400, 1600)], ids=["wide", "narrow"])
def test_it_fits_the_screen(traffic: Traffic, width: int, height: int, *, is_dark: bool) -> None:
    with Browser(is_dark=is_dark, width=width, height=height) as browser:
        browser.open(traffic.address)
        browser.wait(f"{EXECS} > 10 && document.querySelector('#heat rect')")
        (ROOT / "build" / "page").mkdir(parents=True, exist_ok=True)
        browser.picture(ROOT / "build" / "page" / f"{'dark' if is_dark else 'light'}-{width}.png")

        assert browser.value("document.documentElement.scrollWidth") <= width
        back = browser.value("getComputedStyle(document.body).backgroundColor")
        assert (back == "rgb(20, 23, 27)") == is_dark


@long
def test_it_says_when_the_daemon_has_gone_and_goes_on_when_there_is_another(tmp_path: Path) -> None:
    port = free_tcp_port()
    with RunningDaemon(tmp_path, f'http = "127.0.0.1:{port}"') as daemon, Browser() as browser:
        browser.open(f"http://127.0.0.1:{port}/")
        browser.wait("document.getElementById('daemon')?.textContent?.includes('process')")
        daemon.kill()
        browser.wait("document.getElementById('state').textContent.startsWith('no answer')")
        daemon.start()
        browser.wait(f"document.getElementById('daemon')?.textContent?.includes('process {daemon.pid}')")
