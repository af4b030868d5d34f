"""docs/kemi.md, followed word by word: its files and commands, with directories, ports and a socket of the test."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.rig import KAMAILIO, Peer, free_udp_port
from tests.places import ROOT
from tests.programs import WAIT_S, until
from tests.running_daemon import ENVIRONMENT
from tests.sipp.sipp import SIPP

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not KAMAILIO or not SIPP, reason="needs kamailio and sipp: make test installs them")

PAGE = (ROOT / "docs" / "kemi.md").read_text("utf-8").partition("\n## What Kamailio calls")[0]
BLOCK = re.compile(r"(?P<before>.*?)```(?P<kind>\w*)\n(?P<text>.*?)```\n", re.DOTALL)
FILE = re.compile(r"In `(/[^`]+)`")
STAY = ("app-mono serve", "kamailio -f", "sipp -sn uas")  # each in a terminal of its own
SETTINGS = "/etc/app-mono/app-mono.toml"


class Reader:
    """Somebody who does what the page says."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self._stack = stack
        self.port = free_udp_port()
        self.done: list[str] = []
        self._here = {
            "5060": str(self.port),
            "5070": str(free_udp_port()),
            "5071": str(free_udp_port()),
            "/usr/share/app-mono": str(ROOT),
            "/etc/": f"{directory}/etc/",
        }
        program = directory / "bin" / "app-mono"
        program.parent.mkdir()
        code = "import sys; from runner.cli import main; sys.exit(main())"
        program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{code}' \"$@\"\n", "utf-8")
        program.chmod(0o755)
        self._env = ENVIRONMENT | {"PATH": f"{program.parent}:/usr/sbin:/usr/bin:/bin"}

    def follow(self, page: str) -> None:
        """Write each file and run each command, in their order."""
        for block in BLOCK.finditer(page):
            named = FILE.search(block["before"].rpartition("\n**")[2])
            if block["kind"] == "sh":
                for command in block["text"].splitlines():
                    self._run(self._placed(command))
            else:
                assert named is not None, f"the page does not say what this is:\n{block['text']}"
                self._write(named[1], self._placed(block["text"]))

    def _placed(self, text: str) -> str:
        for there, here in self._here.items():
            text = text.replace(there, here)
        return text

    def _write(self, name: str, text: str) -> None:
        path = self._directory / name.removeprefix("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == SETTINGS:  # beside those of other tests
            text = f'socket = "{self._directory}/control.sock"\n{text}'
        path.write_text(text, "utf-8")
        self.done.append(name)

    def _run(self, command: str) -> None:
        self.done.append(command)
        log = self._directory / f"{len(self.done)}.log"
        is_kamailio = command.startswith("kamailio")
        settings = {"APP_MONO_CONFIG": f"{self._directory}{SETTINGS}"} if is_kamailio else {}
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {command}"], cwd=self._directory, env=self._env | settings,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        self._stack.callback(self._end, process)
        if not command.startswith(STAY):
            assert process.wait(WAIT_S) == 0, f"{command}\n{log.read_text('utf-8', errors='replace')[-3000:]}"
        elif command.startswith("app-mono"):
            until(lambda: "serving" in log.read_text("utf-8"), "the daemon serves")
        elif is_kamailio:
            self.log = log
            until(self._is_there, "Kamailio answers")

    def _is_there(self) -> bool:
        with Peer(self.port) as peer:
            return peer.ask(peer.request(uri="sip:nobody@example.com"), 0.5) is not None

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(WAIT_S)
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with ExitStack() as stack:
        yield Reader(tmp_path, stack)


def test_a_reader_who_follows_the_page_has_a_routing_script_in_c_sharp(reader: Reader) -> None:
    reader.follow(PAGE)

    assert len([done for done in reader.done if "sipp -sn uac" in done]) == 2, "bob and carol were called"
    with Peer(reader.port) as peer:
        reply = peer.ask(peer.request(uri="sip:oops@example.com", call_id="oops"), WAIT_S)
        following = peer.ask(peer.request(uri="sip:bob@example.com", call_id="bob"), WAIT_S)
    assert reply is not None
    assert reply.startswith(b"SIP/2.0 500 Server Internal Error\r\n")
    assert following is not None
    assert following.startswith(b"SIP/2.0 404 Not Found\r\n"), "bob is carol now"
    assert "System.Exception: on purpose" in reader.log.read_text("utf-8")
