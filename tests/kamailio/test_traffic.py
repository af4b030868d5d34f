"""sipp's traffic through a real Kamailio while everything around its scripts changes."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from runner.cli.admin import request
from runner.control.messages import StatusRequest
from runner.control.status import Status
from runner.errors import ConfigError
from tests.kamailio.rig import LOST_S, Kamailio, Peer, free_udp_port, preamble
from tests.places import ROOT
from tests.programs import until
from tests.running_daemon import RunningDaemon, app_mono, compiled
from tests.sipp.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MODULES = ("kex", "sl", "pv", "tm", "xlog", "textops")
OURS = ROOT / "kamailio" / "app_mono.py"
CHILDREN = 4
NUDGES = 4 * CHILDREN  # requests, so that every child has one
PER_S = 500
# The script's answer is in the reply; what it was when the request came decides whether it is stale.
COUNTS = 'static int Main() { HDR.AppendToReply("X-Build: 0000\\r\\n"); return 0; }'
ROUTE = """
request_route {{
    if (is_method("ACK")) exit;
    {call}
    sl_send_reply("200", "OK");
    exit;
}}
"""
SETTINGS = (
    "num_workers = 4\nmax_workers = 8\nallocate_timeout_s = 10.0\nexec_timeout_s = 10.0\n"
    "poison_losses = 0\n"  # it is not the script that ends its workers
)


class Site:
    """A Kamailio with four children, a daemon, and a script that tells which build of it ran."""

    settings = SETTINGS

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.daemon = stack.enter_context(RunningDaemon(directory, self.settings))
        self.built = b""
        self.script = self.build(0)
        self.port = free_udp_port()
        cfg = preamble(self.port, [*MODULES, "app_python3"], children=CHILDREN)
        cfg += f'modparam("app_python3", "load", "{OURS}")\n' + ROUTE.format(call=self.call())
        env = {"APP_MONO_CONFIG": str(self.daemon.config)}
        self.kamailio = stack.enter_context(Kamailio(cfg, directory / "kamailio", self.port, env))
        until(self.kamailio.has_started, "all processes of Kamailio are there")
        self.before = sorted(self.kamailio.children())

    def call(self) -> str:
        """How the configuration runs the script."""
        return f'if (!python_exec("mono_exec", "{self.script}")) {{ xlog("L_ERR", "it was false\\n"); }}'

    def build(self, number: int) -> Path:
        """Replace the script by one that tells this number; compiled once, for mcs takes a core from the traffic."""
        script = self.daemon.scripts / "Counts.exe"
        if not self.built:
            self.built = compiled(self.daemon.scripts, "Counts", COUNTS).read_bytes()
        new = script.with_suffix(".new")
        new.write_bytes(self.built.replace("0000".encode("utf-16-le"), f"{number:04}".encode("utf-16-le")))
        new.rename(script)
        return script

    def all_have_workers(self) -> bool:
        """Whether every child holds a worker; a few requests make sure that each has a reason to."""
        with Peer(self.port) as peer:
            for number in range(NUDGES):
                peer.send(peer.request(call_id=f"nudge-{number}"))
            for _ in range(NUDGES):
                peer.receive(LOST_S)
        return len(self.lent()) == CHILDREN

    def false(self) -> int:
        """How many requests got false from the script."""
        return self.kamailio.log().count("it was false")

    def told(self) -> str:
        """What both logged of it."""
        lines = [*self.kamailio.log().splitlines(), *self.daemon.log().splitlines()]
        return "\n".join(line for line in lines if "app_mono" in line or "worker" in line)[-3000:]

    def lent(self) -> list[int]:
        """The workers that processes of Kamailio hold; none where no daemon answers."""
        with suppress(ConfigError):
            workers = request(str(self.daemon.socket), StatusRequest, Status).workers
            return [worker.pid for worker in workers if worker.client]
        return []


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def without_a_script(directory: Path, calls: int, scenario: str = "options") -> int:
    """Messages that sipp sends again to the same Kamailio without a script: the machine's own noise."""
    port = free_udp_port()
    cfg = preamble(port, MODULES, children=CHILDREN) + ROUTE.format(call="")
    with (
        Kamailio(cfg, directory / "plain", port),
        Sipp(scenario, port, calls, PER_S, directory / "plain") as sipp,
    ):
        pass
    return sipp.counts().retransmitted


def while_running(sipp: Sipp, pause_s: float, step: Callable[[], object]) -> int:
    """Do ``step`` again and again until sipp is done; how often."""
    count = 0
    while sipp.is_running:
        threading.Event().wait(pause_s)
        step()
        count += 1
    return count


@pytest.mark.timeout(300)
def test_twenty_thousand_requests_while_the_script_is_replaced_fifty_times(site: Site, tmp_path: Path) -> None:
    again = without_a_script(tmp_path, 4000) * 5

    builds = 0
    with Sipp("options", site.port, 20_000, PER_S, tmp_path) as sipp:
        while sipp.is_running and builds < 50:
            builds += 1
            site.build(builds)
            threading.Event().wait(0.3)

    counts = sipp.counts()
    assert (counts.successful, counts.failed) == (20_000, 0)
    assert builds == 50
    assert site.false() == 0, site.told()
    assert counts.retransmitted <= again + 20  # a build by mcs takes a core for a moment
    assert sorted(site.kamailio.children()) == site.before


@pytest.mark.timeout(300)
def test_calls_are_set_up_and_ended_as_without_a_script(site: Site, tmp_path: Path) -> None:
    again = without_a_script(tmp_path, 300, "invite")

    with Sipp("invite", site.port, 300, 50, tmp_path) as sipp:
        pass

    counts = sipp.counts()
    assert (counts.successful, counts.failed) == (300, 0)
    assert counts.retransmitted <= again
    assert site.false() == 0, site.told()


@pytest.mark.timeout(300)
def test_a_worker_killed_every_second_costs_its_own_run_at_most(site: Site, tmp_path: Path) -> None:
    kills = 0

    def kill_one() -> None:
        nonlocal kills
        for pid in site.lent()[:1]:
            with suppress(ProcessLookupError):  # the one that was killed before, when the daemon had not seen it yet
                os.kill(pid, signal.SIGKILL)
                kills += 1

    with Sipp("options", site.port, 5_000, PER_S, tmp_path) as sipp:
        while_running(sipp, 0.7, kill_one)

    assert kills > 3
    assert sipp.counts().failed == 0
    assert site.false() <= kills
    assert sorted(site.kamailio.children()) == site.before


@pytest.mark.timeout(300)
def test_traffic_goes_on_while_the_daemon_is_killed_started_and_drained(site: Site, tmp_path: Path) -> None:
    with Sipp("options", site.port, 6_000, PER_S, tmp_path) as sipp:
        until(site.all_have_workers, "every child has its worker")
        threading.Event().wait(1)
        site.daemon.signal(signal.SIGKILL)
        site.daemon.wait()
        threading.Event().wait(1)
        site.daemon.start()
        until(site.all_have_workers, "every child has a worker of the new daemon")
        drained = app_mono("drain", "--socket", str(site.daemon.socket))
        threading.Event().wait(1)
        site.daemon.start()
        until(site.all_have_workers, "every child has a worker of the newest daemon")

    assert drained.returncode == 0, drained.stderr
    assert sipp.counts().failed == 0
    assert site.false() == 0, site.told()
    assert sorted(site.kamailio.children()) == site.before
