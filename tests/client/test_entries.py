"""What a client knows of a script's entries, and what becomes of one that is not there."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from runner.client.held import NO_SUCH_ENTRY
from runner.hosts.embedded.host import MessageHost
from tests.client.test_lease import all_served, clients, once_free
from tests.places import INVITE
from tests.programs import WAIT_S, until
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from pathlib import Path

    from runner.client.lease import Lease

ROUTES = """
    static int s_runs;
    public static int route(string name) { return 10 + ++s_runs; }
    static int Main() { return 0; }
"""


def run(lease: Lease, script: Path, entry: str | None) -> int | None:
    return lease.exec(str(script), "x", MessageHost(INVITE), time.monotonic() + WAIT_S, entry).code


def entries(lease: Lease, script: Path) -> frozenset[str] | None:
    return lease._known.scripts[str(script)].generation.entries


def execs(lease: Lease) -> int:
    assert lease._held is not None
    return lease._held.conversation.holdings.execs


def test_an_entry_runs_in_the_borrowed_worker_and_one_that_is_not_there_does_not_reach_it(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path) as daemon:
        script = compiled(daemon.scripts, "Routes", ROUTES)
        with clients(daemon, 1) as (lease,):
            assert run(lease, script, "missing") == NO_SUCH_ENTRY
            assert [run(lease, script, entry) for entry in ("route", None, "route")] == [11, 0, 12]
            before = execs(lease)

            assert run(lease, script, "missing") == NO_SUCH_ENTRY
            assert execs(lease) == before
            assert entries(lease, script) == frozenset({"route"})


def test_who_takes_a_worker_that_has_the_script_loaded_knows_its_entries(tmp_path: Path) -> None:
    """The other client has loaded it, and told the daemon."""
    with RunningDaemon(tmp_path, "num_workers = 1\nspare_workers = 0\nmax_workers = 1") as daemon:
        script = compiled(daemon.scripts, "Routes", ROUTES)
        with clients(daemon, 2) as (one, other):
            until(lambda: all_served([one, other], script), "nobody keeps the worker")

            for lease in (one, other):
                assert once_free(partial(run, lease, script, "missing")) == NO_SUCH_ENTRY
                assert entries(lease, script) == frozenset({"route"})


def test_where_nobody_told_a_client_the_worker_knows(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path) as daemon:
        script = compiled(daemon.scripts, "Routes", ROUTES)
        with clients(daemon, 1) as (lease,):
            assert run(lease, script, "route") == 11
            lease._known.scripts[str(script)].generation.foresight.entries = None

            assert [run(lease, script, entry) for entry in ("missing", "route")] == [NO_SUCH_ENTRY, 12]
