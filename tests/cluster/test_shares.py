"""Several daemons use the same nodes: each has its share of them, and says so where no node hears it ask."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

from runner.client.lease import Lease
from runner.errors import RunnerError
from tests.cluster.conftest import DAEMON, PATIENT
from tests.daemon.leases import RETURNS, run
from tests.programs import until
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.conftest import Cluster


def test_a_daemon_that_comes_later_gets_its_share_of_the_nodes(cluster: Cluster, tmp_path: Path) -> None:
    """The first one kept all workers for ever: a node whose workers are all lent hears no request."""
    urls = json.dumps(cluster.servers.urls("sip"))
    with ExitStack() as stack:
        daemons = []
        for name in ("first", "second"):
            (tmp_path / name).mkdir()
            settings = f"nats = {urls}\n{DAEMON}"
            daemons.append(stack.enter_context(RunningDaemon(tmp_path / name, settings, constants=PATIENT)))
        first, second = daemons
        fine, other = (compiled(daemon.scripts, "Fine", RETURNS.format(0)) for daemon in daemons)
        greedy = [Lease(str(first.socket)) for _ in range(4)]
        late = Lease(str(second.socket))
        for lease in (*greedy, late):
            stack.callback(lease.close)
        until(lambda: [run(lease, fine) for lease in greedy] and len(first.workers()) == 4, "it has all workers")

        def is_shared() -> bool:
            for lease in greedy:  # it gives back what it is asked for before it runs
                _is_served(lease, fine)
            return _is_served(late, other) and len(second.workers()) == 1

        until(is_shared, "the second one has a worker")


def _is_served(lease: Lease, script: Path) -> bool:
    try:
        return run(lease, script, None, 1.0) == 0
    except RunnerError:
        return False
