"""sipp's traffic through a real Kamailio while a script of another runtime is replaced and its workers are killed."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.kamailio.test_traffic import NUDGES, SETTINGS, Site
from tests.programs import until
from tests.siblings import Language, each
from tests.sipp.sipp import Sipp

if TYPE_CHECKING:
    from pathlib import Path

PER_S = 200
# A short form of the issue's own numbers, which ``make test-languages`` takes.
CALLS, SAVES = (5_000, 20) if "LANGUAGES_LONG" in os.environ else (800, 5)
KILL_EVERY_S = 1.0
SOURCES = {
    ".py": 'from SR import PV\n\n\ndef main(args):\n    PV.set_i("$var(build)", {0})\n    return 0\n',
    ".js": 'const {{ PV }} = require("SR");\nexports.main = () => PV.setI("$var(build)", {0});\n',
    ".java": "public class Counts {{\n    public static int main(String[] args) {{\n"
    '        return SR.PV.setI("$var(build)", {0});\n    }}\n}}\n',
}
# A variable of a script's is one of the process that handles the message. -1: the script did not set it.
CALL = """
$var(build) = -1;
$var(came) = $TV(Sn);
$var(is_true) = 1;
if (!python_exec("mono_exec", "{script}")) $var(is_true) = 0;
xlog("L_NOTICE", "ran $ci came=$var(came) build=$var(build) true=$var(is_true)\\n");
append_to_reply("X-Build: $var(build)\\r\\n");
"""
RAN = re.compile(r"ran (\S+) came=(\d+\.\d+) build=(-?\d+) true=([01])")
LOST = re.compile(r"app_mono: .*worker (\d+): the process ended")


class Run(NamedTuple):
    """One run as Kamailio logged it: when its call came, in seconds of the clock, and which build ran; -1: none."""

    call_id: str
    came: float
    build: int
    is_true: bool


class LanguageSite(Site):
    """That of mono, with a script in another language, each run of which is logged."""

    settings = SETTINGS

    def __init__(self, directory: Path, stack: ExitStack, language: Language) -> None:
        self.language = language
        self.saved: list[float] = []
        """When the build of each number was there, by the clock."""
        super().__init__(directory, stack)

    def call(self) -> str:
        return CALL.format(script=self.script)

    def build(self, number: int) -> Path:
        """Replace the script by one that tells this number."""
        script = self.daemon.scripts / f"Counts{self.language.suffix}"
        new = script.with_suffix(".new")
        new.write_text(SOURCES[self.language.suffix].format(number), encoding="utf-8")
        new.rename(script)
        self.saved.append(time.time())
        return script

    def runs(self) -> list[Run]:
        found = RAN.findall(self.kamailio.log())
        return [Run(call_id, float(came), int(build), is_true == "1") for call_id, came, build, is_true in found]

    def is_stale(self, run: Run) -> bool:
        """Whether the next build was there already when the call came."""
        return run.is_true and run.build + 1 < len(self.saved) and self.saved[run.build + 1] <= run.came

    def lost(self) -> list[int]:
        """The workers that took a run with them, one for each such run."""
        return [int(pid) for pid in LOST.findall(self.kamailio.log())]


@pytest.mark.timeout(300)
@each()
def test_every_call_is_answered_by_a_current_build_though_workers_are_killed(
    tmp_path: Path, language: Language
) -> None:
    with ExitStack() as stack:
        site = LanguageSite(tmp_path, stack, language)
        until(site.all_have_workers, "every process has its worker")
        until(lambda: len(site.runs()) % NUDGES == 0, "its last request was handled")
        before = len(site.runs())
        killed: list[int] = []

        with Sipp("options", site.port, CALLS, PER_S, tmp_path) as sipp:
            began = time.monotonic()
            while sipp.is_running or len(site.saved) <= SAVES:
                passed = time.monotonic() - began
                if len(site.saved) <= SAVES and passed > len(site.saved) * CALLS / PER_S / (SAVES + 1):
                    site.build(len(site.saved))
                if passed > (len(killed) + 1) * KILL_EVERY_S and (workers := site.lent()):
                    pid = workers[len(killed) % len(workers)]
                    with suppress(ProcessLookupError):  # one that was killed before, as the daemon had not seen yet
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
                threading.Event().wait(0.05)

        counts = sipp.counts()
        runs = site.runs()[before:]
        false = [run for run in runs if not run.is_true]
        assert (counts.successful, counts.failed) == (CALLS, 0), site.told()
        assert len({run.call_id for run in runs}) == CALLS
        assert len(killed) > 1
        assert [run for run in runs if site.is_stale(run)] == [], site.saved
        assert len({run.build for run in runs if run.is_true}) > 1
        # A run is false only where its worker was killed in the middle of it.
        assert len(false) == len(site.lost()) == len(set(site.lost())), site.told()
        assert set(site.lost()) <= set(killed)
        assert sorted(site.kamailio.children()) == site.before
