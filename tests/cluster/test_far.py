"""runner.cluster.far: a daemon without a worker of its own runs scripts on nodes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from runner.hosts.embedded.host import MessageHost
from tests.daemon.leases import LONG_S, RETURNS, run, workers
from tests.places import INVITE
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from runner.client.lease import Lease
    from tests.cluster.conftest import Cluster

EDITS = (
    'static int Main(string[] a) { string user = PV.GetS("$rU"); PV.SetS("$rU", user + a[0]); '
    'HDR.AppendToReply("X-Was: " + user + "\\r\\n"); return PV.GetS("$rU") == user + a[0] ? 0 : 7; }'
)


def test_a_script_runs_on_a_node_and_the_client_notices_nothing(cluster: Cluster, lease: Lease) -> None:
    script = compiled(cluster.daemon.scripts, "Edits", EDITS)
    host = MessageHost(INVITE)

    outcome = lease.exec(str(script), "99", host, time.monotonic() + LONG_S)

    assert outcome.code == 0, cluster.daemon.log()
    assert (host.message.first_line.uri if hasattr(host.message, "first_line") else "") is not None
    (worker,) = workers(cluster.daemon)
    assert worker["node"] in {"one", "two"}


def test_a_save_is_live_for_the_next_exec(cluster: Cluster, lease: Lease) -> None:
    for code in range(8):
        script = compiled(cluster.daemon.scripts, "Saved", RETURNS.format(code))
        assert run(lease, script) == code
