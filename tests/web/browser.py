"""Chromium without a window, driven over its own pipe (Chrome DevTools Protocol), for tests of the page."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any, Self

from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium")


class Browser:
    """
    One browser with one page. A context manager.

    Attributes:
        complaints: What the page wrote to the console, and errors that nobody caught.
        asked: The addresses of all requests.
    """

    def __init__(self, *, is_dark: bool = False, width: int = 1280, height: int = 1400) -> None:
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self._is_dark = is_dark
        self._size = width, height
        self._number = 0
        self._rest = b""
        self._session = ""

    def __enter__(self) -> Self:
        assert CHROMIUM, "chromium is not installed: make test-browser installs it (Debian package chromium)"
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        from_us, self._to = os.pipe()
        self._from, to_us = os.pipe()
        # It takes commands on descriptor 3 and answers on 4; dash knows no descriptor above 9.
        shell = f'exec "$@" 3<&{from_us} 4>&{to_us}'
        self._process = subprocess.Popen(
            [
                *("/bin/bash", "-c", shell, "bash", CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu"),
                *("--disable-dev-shm-usage", "--remote-debugging-pipe", f"--user-data-dir={self._profile.name}"),
                *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            ],
            pass_fds=(from_us, to_us), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        os.close(from_us)
        os.close(to_us)
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")
        width, height = self._size
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if self._is_dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def open(self, address: str) -> None:
        """Load a page."""
        self._ask("Page.navigate", url=address)

    def value(self, expression: str) -> Any:
        """What an expression of JavaScript is in the page."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, expression: str, timeout_s: float = WAIT_S) -> float:
        """Wait until an expression is true; how long that took, in seconds."""
        began = time.monotonic()
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() - began < timeout_s, f"{expression}\n{self.value('document.body.innerText')}"
            time.sleep(0.05)
        return time.monotonic() - began

    def picture(self, file: Path) -> None:
        """Write what is seen, as PNG."""
        file.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"]))

    def _ask(self, method: str, **params: object) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._number:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result
            self._hear(said)

    def _hear(self, event: dict[str, Any]) -> None:
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.asked.append(event["params"]["request"]["url"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                self.complaints.append(json.dumps(event["params"])[:1000])

    def _next(self) -> dict[str, Any]:
        poll = select.poll()
        poll.register(self._from, select.POLLIN)
        deadline = time.monotonic() + WAIT_S
        while b"\0" not in self._rest:
            assert poll.poll(max(0.0, deadline - time.monotonic()) * 1000), "chromium does not answer"
            data = os.read(self._from, 1 << 20)
            assert data, "chromium has ended"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        said: dict[str, Any] = json.loads(line)
        return said
