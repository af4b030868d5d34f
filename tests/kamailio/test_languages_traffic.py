"""sipp's traffic through a real Kamailio while a script of another runtime is replaced and its workers are killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.rig import Peer
from tests.kamailio.test_traffic import CHILDREN, Site
from tests.programs import until
from tests.siblings import Language, each
from tests.sipp.sipp import Sipp

if TYPE_CHECKING:
    from pathlib import Path

# A short form of ``make chaos RUNTIME=python SECONDS=60``.
CALLS, PER_S = 800, 200
SAVES = 5
SOURCES = {
    ".py": 'from SR import HDR\n\n\ndef main(args):\n    HDR.append_to_reply("X-Build: {0:04}\\r\\n")\n    return 0\n',
    ".js": 'const {{ HDR }} = require("SR");\nexports.main = () => HDR.appendToReply("X-Build: {0:04}\\r\\n");\n',
    ".java": "public class Counts {{\n    public static int main(String[] args) {{\n"
    '        return SR.HDR.appendToReply("X-Build: {0:04}\\r\\n");\n    }}\n}}\n',
}


class LanguageSite(Site):
    """That of mono, with a script in another language."""

    def __init__(self, directory: Path, stack: ExitStack, language: Language) -> None:
        self.language = language
        super().__init__(directory, stack)

    def build(self, number: int) -> Path:
        """Replace the script by one that tells this number."""
        script = self.daemon.scripts / f"Counts{self.language.suffix}"
        new = script.with_suffix(".new")
        new.write_text(SOURCES[self.language.suffix].format(number), encoding="utf-8")
        return new.rename(script)

    def builds(self, round_: int) -> list[int]:
        """Which builds answer as many requests at one time as there are processes; 0 for one that the script missed."""
        with Peer(self.port) as peer:
            for number in range(CHILDREN):
                peer.send(peer.request(call_id=f"build-{round_}-{number}"))
            answers = [peer.receive(20.0) for _ in range(CHILDREN)]
        assert None not in answers, self.told()
        lines = [line for answer in answers for line in (answer or b"").split(b"\r\n")]
        told = [int(line.removeprefix(b"X-Build: ")) for line in lines if line.startswith(b"X-Build: ")]
        return told + [0] * (CHILDREN - len(told))


@pytest.mark.timeout(300)
@each()
def test_every_request_is_answered_by_the_newest_build_though_workers_are_killed(
    tmp_path: Path, language: Language
) -> None:
    with ExitStack() as stack:
        site = LanguageSite(tmp_path, stack, language)
        until(site.all_have_workers, "every process has its worker")
        kills = 0
        told: dict[int, list[int]] = {}

        with Sipp("options", site.port, CALLS, PER_S, tmp_path) as sipp:
            began = time.monotonic()
            while sipp.is_running or len(told) < SAVES:
                if len(told) < SAVES:
                    number = len(told) + 1
                    site.build(number)
                    told[number] = site.builds(number)
                if time.monotonic() - began > kills + 1 and (workers := site.lent()):
                    os.kill(workers[0], signal.SIGKILL)
                    kills += 1
                threading.Event().wait(0.1)

        counts = sipp.counts()
        assert (counts.successful, counts.failed) == (CALLS, 0), site.told()
        assert kills >= 2
        assert site.false() <= kills, site.told()
        assert {number: set(found) - {0} for number, found in told.items()} == {number: {number} for number in told}
        assert sum(found.count(0) for found in told.values()) <= kills
        assert sorted(site.kamailio.children()) == site.before
