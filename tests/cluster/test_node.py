"""runner.cluster.node: lends its workers, and takes them back when it ends."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import subprocess
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from runner.client.lease import Lease
from runner.cluster import names, node
from runner.cluster.connection import PATIENCE_S
from runner.cluster.messages import SAID, End, Ended, NoOffer, parsed, saying
from runner.cluster.node import SILENT_S, Node
from runner.cluster.nodes import ANSWER_S, CHECK_S
from runner.cluster.relay import Relay
from runner.worker.worker import Worker
from tests import warm
from tests.cluster.conftest import await_served, only_long
from tests.cluster.here import Here, Host, put
from tests.cluster.running_node import ROOTS, RunningNode
from tests.cluster.servers import Servers, connected
from tests.daemon.leases import RETURNS, run
from tests.programs import MCS, WAIT_S, stop, until
from tests.running_daemon import ENVIRONMENT, RunningDaemon, command_with, compiled
from tests.worker.test_worker_user import as_root
from tests.worker.workers import unused_uid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.scripts.generation import Generation
    from tests.cluster.conftest import Cluster

# Whom no server has answered in time is not refused, and goes on trying.
PATIENT = {f"runner.cluster.{module}.CONNECT_S": WAIT_S for module in ("opening", "connection")}

GIVEN_BACK = saying(End(how="free", reason="given back"))


class Lending(Here):
    """A node with a build that it may lend a worker for."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        super().__init__(directory, stack)
        self.fine = put(self.sip, compiled(directory / "scripts", "Fine", RETURNS.format(0)))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lending]:
    with ExitStack() as stack:
        yield Lending(tmp_path_factory.mktemp("here"), stack)


@pytest.mark.parametrize(("idle", "expected"), [(0, 0), (1, 1), (4, 1), (5, 2), (9, 3)])
def test_a_node_is_in_the_group_once_for_each_few_idle_workers(
    here: Lending, monkeypatch: pytest.MonkeyPatch, idle: int, expected: int
) -> None:
    monkeypatch.setattr(here.node, "_idle", lambda _: idle)

    here.connection.call(here.node._regroup(), WAIT_S)

    assert [one.subject for one in here.connection._subjects].count(names.lease("mono")) == expected


def test_a_new_build_is_loaded_in_workers_that_its_helpers_are_new_for_before_anybody_asks(
    here: Lending, tmp_path: Path
) -> None:
    helper, source, script = tmp_path / "Beside.dll", tmp_path / "Ahead.cs", tmp_path / "Ahead.exe"
    source.write_text("class Ahead { static int Main() { return Beside.Value(); } }", "utf-8")

    def built(value: int) -> Generation:
        code = tmp_path / "Beside.cs"
        code.write_text(f"public class Beside {{ public static int Value() {{ return {value}; }} }}", "utf-8")
        subprocess.run([MCS, "-target:library", f"-out:{helper}", str(code)], check=True)
        subprocess.run([MCS, f"-r:{helper}", f"-out:{script}", str(source)], check=True)
        return put(here.sip, script, helper)

    def are_loaded(build: Generation) -> bool:
        slots = here.pool.slots.idle()
        return len(slots) == 2 and all(slot.has(build) for slot in slots)

    for value in (1, 2):
        build = built(value)
        here.announce(build)
        until(lambda build=build: are_loaded(build), f"both workers have build {value}")  # type: ignore[misc]


def test_a_worker_is_taken_back_while_others_wait_for_one(here: Lending) -> None:
    """Those who waited had all threads, so the worker that they waited for came back when they had given up."""
    host = Host(here.sip)
    offer = host.ask(here.fine)
    go = threading.Event()
    try:
        for _ in range(64):  # asyncio has 32 threads at most
            here.connection.post(here.connection.loop.run_in_executor, None, go.wait, WAIT_S)

        host.send(offer, 0, SAID, GIVEN_BACK)

        until(lambda: not here.node.status().leased, "the worker is back")
    finally:
        go.set()


def test_a_worker_that_cannot_be_lent_is_a_refusal_and_another_one_takes_its_place(
    here: Lending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There was no answer, and its place was leased for ever."""

    def fails(_: Relay) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Relay, "begin", fails)
        answer = Host(here.sip).answer(here.fine)

    assert "No space left on device" in NoOffer.read(parsed(answer)).refusal
    assert not here.node.status().leased
    here.await_idle()


def test_a_worker_that_cannot_be_taken_back_is_ended_and_another_one_takes_its_place(
    here: Lending, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its place was leased for ever."""

    def fails(*_: object, **__: object) -> None:
        raise ValueError("not as expected")

    host = Host(here.sip)
    offer = host.ask(here.fine)
    monkeypatch.setattr(Worker, "take_back", fails)

    host.send(offer, 0, SAID, GIVEN_BACK)

    until(lambda: not here.node.status().leased, "the lease is over")
    here.await_idle()


def test_the_workers_of_a_daemon_that_says_nothing_are_ended(here: Lending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "SILENT_S", 0.2)
    host = Host(here.sip)

    host.ask(here.fine)
    until(host.told, "the node says that it ends")

    (ended,) = host.told()
    assert isinstance(ended, Ended)
    assert ended.reason == "its daemon has said nothing for 0.2 s"


def test_a_daemon_that_has_been_silent_for_longer_than_a_living_one_may_be_has_ended() -> None:
    """One that was killed kept all workers of full nodes for 10 s."""
    longest = CHECK_S + ANSWER_S + PATIENCE_S

    assert longest < SILENT_S <= longest + 1.0


def test_a_node_whose_server_hangs_ends_and_says_what_it_has_left(tmp_path: Path) -> None:
    """It waited for the server, and that was an internal error."""
    settings = "max_workers = 1\ndrain_timeout_s = 1.0\n"
    with Servers(tmp_path) as servers, RunningNode(tmp_path, "hung", servers.urls("node"), settings) as hung:
        with connected(servers.urls("sip")) as connection:
            host = Host(connection)
            scripts = tmp_path / "scripts"
            host.ask(put(connection, compiled(scripts, "Fine", RETURNS.format(0))))
        (server,) = servers.pids
        stop(server)

        hung.signal(signal.SIGTERM)

        assert hung.wait() == 0
        assert "ended; 1 workers were not given back" in hung.log()
        assert "internal error" not in hung.log()


class Hung(Node):
    """A node whose connection takes nothing."""

    async def _begin(self) -> None:
        """It was there at first."""

    async def _drain(self) -> None:
        await asyncio.sleep(WAIT_S)


def test_a_node_that_can_tell_nobody_that_it_ends_says_so_and_ends(
    here: Lending, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(node, "TOLD_S", 0.1)
    hung = Hung(here.settings, here.runner, here.connection, "hung")
    hung.end()

    assert hung.serve()

    assert "its daemons do not know yet that it ends" in caplog.text
    assert caplog.messages[-1] == "ended; 0 workers were not given back"


@as_root
def test_a_script_on_a_node_runs_as_the_user_that_is_set_there(tmp_path: Path) -> None:
    user = unused_uid()
    settings = f"max_workers = 1\nworker_user = {user}\nworker_group = {user}\n"
    who = 'static int Main() { foreach (string line in System.IO.File.ReadLines("/proc/self/status")) '
    who += "if (line.StartsWith(\"Uid:\")) return int.Parse(line.Split('\\t')[2]); return -1; }"
    with ExitStack() as stack:
        servers = stack.enter_context(Servers(tmp_path))
        stack.enter_context(RunningNode(tmp_path, "confined", servers.urls("node"), settings)).await_start()
        nats = f"nats = {json.dumps(servers.urls('sip'))}\nmax_workers = 0\n"
        daemon = stack.enter_context(RunningDaemon(tmp_path, f"{nats}allocate_timeout_s = {WAIT_S}\n"))
        lease = Lease(str(daemon.socket))
        stack.callback(lease.close)

        assert run(lease, compiled(daemon.scripts, "Who", who)) == user


@only_long
def test_a_node_that_ends_gives_its_clients_time_to_move(cluster: Cluster, lease: Lease) -> None:
    fine = compiled(cluster.daemon.scripts, "Fine", RETURNS.format(0))
    await_served(lease, fine)
    until(lambda: len(cluster.seen.all()) == len(cluster.nodes), "all nodes are there")
    ends = cluster.nodes[cluster.node()]

    ends.signal(signal.SIGTERM)
    until(lambda: run(lease, fine) == 0 and cluster.node() != ends.name, "the client has moved")

    assert ends.wait() == 0
    assert "ended; 0 workers were not given back" in ends.log()
    ends.start()
    ends.await_start()


@only_long
def test_a_node_that_nobody_moves_away_from_ends_nevertheless(cluster: Cluster, lease: Lease) -> None:
    fine = compiled(cluster.daemon.scripts, "Fine", RETURNS.format(0))
    await_served(lease, fine)
    ends = cluster.nodes[cluster.node()]

    ends.signal(signal.SIGTERM)

    assert ends.wait() == 0
    assert "ended; 1 workers were not given back" in ends.log()
    await_served(lease, fine)
    ends.start()
    ends.await_start()


def test_a_node_without_nats_or_with_a_wrong_password_says_so_in_one_line(cluster: Cluster, tmp_path: Path) -> None:
    config = tmp_path / "node.toml"
    config.write_text(f"{ROOTS}max_workers = 1\n", "utf-8")
    cases = (
        ((), "say where NATS is: --nats nats://USER:PASSWORD@HOST:4222, or the setting nats"),
        (("--nats", "n1:4222"), "expected a URL such as nats://sip:PASSWORD@n1:4222"),
        (("--nats", ",".join(cluster.servers.urls("node", "guessed"))), "refuses user 'node'"),
    )
    for options, expected in cases:
        command = [*command_with(PATIENT), "node", "--config", str(config), *options]
        said = warm.run(command, env=ENVIRONMENT, timeout=WAIT_S)

        assert said.returncode == 2
        assert expected in said.stderr
        assert "Traceback" not in said.stderr
        assert "guessed" not in said.stderr
