"""runner.cluster.far: a daemon without a worker of its own runs scripts on nodes; what it asks is in test_asking.py."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, publish
from runner.client.lease import Lease
from runner.cluster import names
from runner.cluster.far import Far
from runner.cluster.messages import HEAD, End, said
from runner.errors import ExecTimeout, PoolExhausted, WorkerError
from runner.hosts.embedded.host import MessageHost
from runner.runtimes.known import MONO
from runner.settings import Settings
from tests.cluster.conftest import DAEMON, PATIENT, await_served, only_long
from tests.cluster.running_node import RunningNode
from tests.cluster.servers import Servers, connected
from tests.cluster.test_leases import BUILD, NODE, OFFER, open_files
from tests.daemon.leases import LONG_S, RETURNS, run
from tests.places import INVITE
from tests.programs import MCS, WAIT_S, until
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nats.aio.msg import Msg

    from tests.cluster.conftest import Cluster

EDITS = (
    'static int Main(string[] a) { string user = PV.GetS("$rU"); PV.SetS("$rU", user + "77"); '
    'return PV.GetS("$rU") == user + "77" && a[0].Length == 100000 ? 0 : 7; }'
)
LONG_PARAM = "9" * 100_000  # more than one message of a relay
LEASES = 60


async def _some_rounds() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Late:
    """A daemon whose loop is late, and a node that offers a worker as soon as it is."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        servers = stack.enter_context(Servers(directory))
        self.sip, self.node = (stack.enter_context(connected(servers.urls(user), user)) for user in ("sip", "node"))
        settings = Settings(nats=servers.urls("sip"))
        self.far = Far(lambda: settings, self.sip, lambda _: MONO, lambda part: Path(part.path), lambda: None)
        self.far.begin()
        self.far._bucket._note(BUILD.file.hash, time.monotonic())
        self.gate = threading.Event()
        self.ends: list[str] = []
        self.node.call(self.node.listen(names.lease("mono"), self._offer, names.GROUP), WAIT_S)
        self.node.call(self.node.listen(names.node(NODE.node, "*"), self._hear), WAIT_S)
        self.before = open_files()

    def hold_up(self) -> None:
        """Let the loop stand still until ``gate`` is set."""
        self.sip.post(self.gate.wait, WAIT_S)

    async def _offer(self, message: Msg) -> None:
        self.hold_up()
        self.node.publish(message.reply, OFFER)

    async def _hear(self, message: Msg) -> None:
        end = said(message.data[HEAD:])
        assert isinstance(end, End)
        self.ends.append(end.how)

    def ask(self, timeout_s: float) -> None:
        """Ask for a worker in vain, and let the loop go on."""
        with pytest.raises(PoolExhausted):
            self.far.acquire(BUILD, time.monotonic() + timeout_s, 0, waits=False)
        self.gate.set()
        self.sip.call(_some_rounds(), WAIT_S)

    def left(self) -> tuple[int, int]:
        """What is left: leases, and descriptors."""
        return len(self.far._leases._all), open_files() - self.before


@pytest.fixture
def late(tmp_path: Path) -> Iterator[Late]:
    with ExitStack() as stack:
        yield Late(tmp_path, stack)


def test_a_caller_that_gives_up_before_the_loop_has_begun_leaves_nothing(late: Late) -> None:
    """The loop began with it afterwards: a lease and four descriptors were left for ever."""
    late.hold_up()

    late.ask(0.01)

    assert late.left() == (0, 0)


def test_a_caller_that_gives_up_while_an_offer_is_on_its_way_leaves_nothing(late: Late) -> None:
    """The worker stayed leased on its node until that took it for forgotten."""
    late.ask(0.5)

    until(lambda: late.ends, "the node has its worker again")
    assert late.ends == ["free"]
    until(lambda: late.left() == (0, 0), "nothing is left")


def test_a_script_runs_on_a_node_and_its_edits_stand(cluster: Cluster, lease: Lease) -> None:
    script = compiled(cluster.daemon.scripts, "Edits", EDITS)
    host = MessageHost(INVITE)

    outcome = lease.exec(str(script), LONG_PARAM, host, time.monotonic() + LONG_S)

    assert outcome.code == 0, cluster.daemon.log()
    assert b"77@" in (host.forwarded() or b"")
    # A daemon that has just started does not know yet how many workers the nodes have, so it lets nobody keep one.
    kept: list[str] = []

    def keeps_a_worker() -> bool:
        assert run(lease, script, LONG_PARAM) == 0
        kept[:] = [worker.node for worker in cluster.workers()]
        return bool(kept)

    until(keeps_a_worker, "the client keeps its worker")
    assert kept[0] in cluster.nodes


def test_a_save_is_live_for_the_next_exec(cluster: Cluster, lease: Lease) -> None:
    for code in range(8):
        script = compiled(cluster.daemon.scripts, "Saved", RETURNS.format(code))
        assert run(lease, script) == code


def test_a_build_is_on_all_nodes_before_anybody_asks_there(cluster: Cluster, lease: Lease) -> None:
    script = compiled(cluster.daemon.scripts, "Ahead", RETURNS.format(1))
    run(lease, script)
    before = {name: node.builds for name, node in cluster.told().items()}

    compiled(cluster.daemon.scripts, "Ahead", RETURNS.format(2))

    until(
        lambda: all(node.builds > before[name] for name, node in cluster.told().items()),
        "each node has fetched the new build",
    )


@only_long
def test_a_node_that_comes_later_is_told_of_the_builds_that_are_in_use(cluster: Cluster, lease: Lease) -> None:
    script = compiled(cluster.daemon.scripts, "InUse", RETURNS.format(1))
    run(lease, script)

    with RunningNode(cluster.place, "late", cluster.servers.urls("node"), "max_workers = 1") as late:
        late.await_start()

        until(lambda: cluster.seen.each([late.name])[late.name].builds > 0, "it has fetched what is in use")


def test_leases_are_spread_over_all_nodes(cluster: Cluster) -> None:
    """Each leads to a node at random: that one of two gets fewer than a sixth of 60 is a chance of 1 in 10 million."""
    script = compiled(cluster.daemon.scripts, "Spread", RETURNS.format(0))
    cluster.await_settled()
    before = {name: node.leases for name, node in cluster.told().items()}

    for _ in range(LEASES):
        one = Lease(str(cluster.daemon.socket))
        assert run(one, script) == 0
        one.close()

    served = {name: node.leases - before[name] for name, node in cluster.told().items()}
    assert min(served.values()) >= LEASES / 6, served


def test_a_limit_that_is_read_again_holds_for_the_workers_of_nodes(cluster: Cluster, tmp_path: Path) -> None:
    """Those of the start held until the daemon ended."""
    urls = json.dumps(cluster.servers.urls("sip"))
    with RunningDaemon(tmp_path, f"nats = {urls}\n{DAEMON}ttl_s = 1000.0\n", constants=PATIENT) as daemon:
        lease = Lease(str(daemon.socket))
        await_served(lease, compiled(daemon.scripts, "Fine", RETURNS.format(0)))
        daemon.config.write_text(daemon.config.read_text("utf-8").replace("1000.0", "0.001"), "utf-8")

        daemon.signal(signal.SIGHUP)

        until(lambda: [one["retire_reason"] for one in daemon.workers()] == ["ttl_s"], "the worker is wanted back")
        lease.close()


def test_servers_may_be_named_on_the_command_line(cluster: Cluster, tmp_path: Path) -> None:
    first, *others = cluster.servers.urls("sip")
    urls = ",".join([first, *(url.rpartition("@")[2] for url in others)])
    with RunningDaemon(tmp_path, DAEMON, constants=PATIENT, options=["--nats", urls]) as daemon:
        lease = Lease(str(daemon.socket))
        await_served(lease, compiled(daemon.scripts, "Fine", RETURNS.format(0)))

        assert [worker["node"] in cluster.nodes for worker in daemon.workers()] == [True]
        lease.close()


def test_a_line_of_the_log_of_execs_names_the_node(cluster: Cluster, tmp_path: Path) -> None:
    urls, log = json.dumps(cluster.servers.urls("sip")), tmp_path / "execs.jsonl"
    with RunningDaemon(tmp_path, f'nats = {urls}\nexec_log = "{log}"\n{DAEMON}', constants=PATIENT) as daemon:
        script, lease = compiled(daemon.scripts, "Logged", RETURNS.format(0)), Lease(str(daemon.socket))
        lease.tally.watch(0.0, 1.0)
        await_served(lease, script)
        (worker,) = daemon.workers()

        began, host = time.monotonic(), MessageHost(INVITE)
        outcome = lease.exec(str(script), None, host, began + LONG_S)
        lease.note(str(script), outcome, began, host)  # as kamailio/app_mono.py does after each exec

        until(lambda: _nodes_in(log) == [worker["node"]], "its line names the node")
        lease.close()
    assert worker["node"] in cluster.nodes


def _nodes_in(log: Path) -> list[str]:
    return [json.loads(line).get("node", "") for line in log.read_text("utf-8").splitlines()]


def test_helpers_and_plug_ins_travel_as_well(cluster: Cluster, lease: Lease) -> None:
    scripts = cluster.daemon.scripts
    for name in ("Beside", "Plugged"):
        source = scripts / f"{name}.cs"
        source.write_text(f"public class {name} {{ public static int Value() {{ return 3; }} }}", "utf-8")
        subprocess.run([MCS, "-target:library", f"-out:{scripts}/{name}.dll", str(source)], check=True)
    source = scripts / "Needs.cs"
    source.write_text(
        "public class Needs { static int Main() { int v = Beside.Value(); "
        'var p = System.Reflection.Assembly.Load("Plugged").GetType("Plugged"); '
        'return v + (int)p.GetMethod("Value").Invoke(null, null); } }',
        "utf-8",
    )
    script = scripts / "Needs.exe"
    subprocess.run([MCS, f"-r:{scripts}/Beside.dll", f"-out:{script}", str(source)], check=True)

    assert run(lease, script) == 6
    assert run(lease, script) == 6


def test_files_that_a_source_names_travel_with_its_build(cluster: Cluster, lease: Lease) -> None:
    scripts = cluster.place / "named"
    scripts.mkdir()
    source, numbers = scripts / "Reads.cs", scripts / "numbers.txt"
    numbers.write_text("7", "utf-8")
    source.write_text(
        "// app-mono: -file:numbers.txt\nusing System; using System.IO; public class Reads { "
        "static int Main(string[] a) { string place = AppDomain.CurrentDomain.BaseDirectory; "
        'return place.StartsWith(a[0]) ? 99 : int.Parse(File.ReadAllText(Path.Combine(place, "numbers.txt"))); } }',
        "utf-8",
    )
    script = publish(compile_script(source), cluster.daemon.scripts)
    here = str(cluster.daemon.scripts)

    assert run(lease, script, here) == 7
    (cluster.daemon.scripts / numbers.name).write_text("8", "utf-8")
    assert run(lease, script, here) == 8


def test_a_script_that_ends_its_process_costs_this_exec_at_most(cluster: Cluster, lease: Lease) -> None:
    dies = compiled(
        cluster.daemon.scripts,
        "Dies",
        "static int Main() { System.Diagnostics.Process.GetCurrentProcess().Kill(); return 0; }",
    )
    fine = compiled(cluster.daemon.scripts, "Fine", RETURNS.format(0))

    with pytest.raises(WorkerError, match="the process ended"):
        run(lease, dies)

    assert run(lease, fine) == 0


def test_a_loop_without_an_end_is_answered_at_the_deadline_and_its_node_says_why(
    cluster: Cluster, lease: Lease
) -> None:
    loops = compiled(
        cluster.daemon.scripts, "Loops", 'static int Main(string[] a) { while (a[0] == "1") { } return 0; }'
    )
    until(lambda: run(lease, loops, "0") == 0 and lease._held is not None, "the client keeps its worker")
    log = cluster.nodes[cluster.node()].log

    with pytest.raises(ExecTimeout):
        run(lease, loops, "1", 0.5)

    until(lambda: "it was not done in time" in log(), "the node says why it ends the worker")
    assert run(lease, loops, "0") == 0
