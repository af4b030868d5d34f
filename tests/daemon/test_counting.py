"""daemon.counting: what clients count is added up by script and build, within bounds."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from runner.client.lease import Lease
from runner.client.tally import Tally
from runner.control.connection import Control
from runner.control.counted import EARLIER, MOST_BUILDS, MOST_SCRIPTS, OTHERS, outages
from runner.control.counters import BOUNDS_S, FIRST_BUCKET, OUTCOMES, Counters
from runner.control.status import MAX_MESSAGE, Incident
from runner.daemon.borrower import Client
from runner.daemon.counting import (
    MOMENTS,
    MOST_INCIDENTS,
    Counting,
)
from runner.errors import ConfigError, ScriptError
from runner.hosts.embedded.host import MessageHost
from tests.daemon.conftest import PATIENT
from tests.daemon.leases import LONG_S, RETURNS
from tests.places import INVITE
from tests.programs import until
from tests.running_daemon import RunningDaemon, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAILURE = {"outcome": "lost", "detail": "", "build": "b", "call_id": None, "took_s": 0.5}


@pytest.fixture
def client() -> Iterator[Client]:
    ours, theirs = socket.socketpair()
    yield Client(Control(ours), 1, 2, is_trusted=True)
    ours.close()
    theirs.close()


def joined(counting: Counting, client: Client) -> Counters:
    counters = Counters()
    counting.join(client, (os.dup(counters.descriptor),))
    return counters


def first_counts(counting: Counting) -> dict[str, dict[str, int]]:
    return {path: {build: own[0] for build, own in builds.items()} for path, builds in counting.scripts().items()}


def test_what_several_clients_count_is_added_up(client: Client) -> None:
    counting = Counting(lambda _path: True)
    other = Client(client.control, 3, 2)
    for counters in (joined(counting, client), joined(counting, other)):
        counters.row("/x.exe", "b1")[0] += 2
    counting.take([client])
    counting.leave(other)

    assert first_counts(counting) == {"/x.exe": {"b1": 4}}
    counting.leave(client)


def test_builds_beyond_the_last_ones_are_counted_together(client: Client) -> None:
    counting = Counting(lambda _path: True)
    counters = joined(counting, client)
    for number in range(MOST_BUILDS + 5):
        counters.row("/x.exe", f"b{number}")[0] += 1
        counting.take([client])
    counters.row("/x.exe", "b5")[0] += 1
    counters.row("/x.exe", "new")[0] += 1
    counting.leave(client)

    builds = first_counts(counting)["/x.exe"]

    assert sum(builds.values()) == MOST_BUILDS + 7
    assert builds[EARLIER] == 6
    assert (builds["b5"], builds["new"]) == (2, 1)
    assert len(builds) == MOST_BUILDS + 1


def test_scripts_beyond_a_number_are_counted_together(client: Client) -> None:
    counting = Counting(lambda _path: True)
    for part in range(4):
        counters = joined(counting, client)
        for number in range(25):
            counters.row(f"/{part}-{number}.exe", "b")[0] += 1
    counting.leave(client)

    scripts = first_counts(counting)

    assert len(scripts) == MOST_SCRIPTS + 1
    assert scripts[OTHERS] == {"": 100 - MOST_SCRIPTS}


def test_another_users_client_names_only_scripts_that_were_seen(client: Client) -> None:
    client.is_trusted = False
    counting = Counting(lambda path: path == "/seen.exe")
    counters = joined(counting, client)
    for name in ("/seen.exe", "/made-up.exe"):
        counters.row(name, "b")[0] += 1
    counting.leave(client)

    assert first_counts(counting) == {"/seen.exe": {"b": 1}, OTHERS: {"": 1}}


def test_another_file_is_refused_by_the_name_of_the_client(client: Client) -> None:
    with pytest.raises(ConfigError, match=r"^counters of client 1: expected a sealed file of \d+ bytes in memory"):
        Counting(lambda _path: True).join(client, (os.open(__file__, os.O_RDONLY),))
    assert client.counters is None


def test_after_its_end_nothing_is_taken_from_the_next_daemon(client: Client) -> None:
    counting = Counting(lambda _path: True)
    counters = joined(counting, client)
    counters.row("/x.exe", "b")[0] += 2
    counting.take([client])
    ended = counting.end()
    counters.row("/x.exe", "b")[0] += 3
    counting.leave(client)

    after = Counting(lambda _path: True)
    after.join(client, (os.dup(counters.descriptor),))
    after.leave(client)

    assert ended == 2
    assert first_counts(after) == {"/x.exe": {"b": 3}}


def run(lease: Lease, script: Path) -> None:
    began = time.monotonic()
    outcome = lease.exec(str(script), None, MessageHost(INVITE), began + LONG_S)
    lease.note(str(script), outcome, began, MessageHost(INVITE))


def counted(daemon: RunningDaemon) -> list[dict[str, Any]]:
    """The builds of the one script."""
    (script,) = [script for script in _scripts(daemon) if script["path"]]
    builds: list[dict[str, Any]] = script["builds"]
    return builds


def _scripts(daemon: RunningDaemon) -> list[dict[str, Any]]:
    scripts = daemon.status()["scripts"]
    assert isinstance(scripts, list)
    return scripts


def test_a_build_is_counted_apart_from_the_one_before_and_its_reload_is_timed(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, PATIENT) as daemon:
        script = compiled(daemon.scripts, "Tells", RETURNS.format(0))
        lease = Lease(str(daemon.socket))
        for _ in range(3):
            run(lease, script)
        compiled(daemon.scripts, "Tells", RETURNS.format(1))
        run(lease, script)

        before, after = counted(daemon)

        assert (before["outcomes"], after["outcomes"]) == ({"true": 3}, {"false": 1})
        assert before["queue_s"] > 0
        assert before["load_s"] > 0  # the other one was loaded ahead
        assert 0 < before["p50_s"] <= before["p99_s"]

        def told() -> dict[str, Any]:
            (found,) = [found for found in _scripts(daemon) if found["path"] == str(script)]
            return found

        until(lambda: told()["reloads"] == 1, "the daemon has heard that it is loaded")
        assert 0 < told()["live_s"] < LONG_S
        lease.close()


def test_nothing_is_lost_when_a_daemon_drains_or_a_client_closes(tmp_path: Path) -> None:
    with RunningDaemon(tmp_path, PATIENT) as daemon:
        script = compiled(daemon.scripts, "Returns", RETURNS.format(0))
        lease = Lease(str(daemon.socket))
        for _ in range(3):
            run(lease, script)
        daemon.signal(signal.SIGTERM)
        daemon.wait()
        for _ in range(4):  # without a daemon
            run(lease, script)
        daemon.start()
        until(lambda: not lease._link.is_pausing(), "it is time to connect again")
        for _ in range(5):
            run(lease, script)
        lease.close()
        until(lambda: daemon.status()["clients"] == 1, "the client has gone")  # the one that asks

        assert "counted 3 execs since the start" in daemon.log()
        assert [build["outcomes"] for build in counted(daemon)] == [{"true": 9}]
        assert daemon.status()["outages"] == 1


def test_the_inner_lease_and_the_one_after_a_reload_count_in_the_same_place() -> None:
    first = Lease.of_process("/nowhere/control.sock")
    second = Lease.of_process("/nowhere/control.sock")

    assert second.tally is first.tally
    second.close()


def test_outages_are_those_of_all_rows() -> None:
    tally = Tally()
    tally.note_outage()
    counts = list(tally.counters.row("", ""))

    assert outages({"": {"": counts}, "/x.exe": {"b": [0] * len(counts)}}) == 1
    assert sum(counts[:FIRST_BUCKET]) == 0


def test_the_last_failures_are_kept_with_their_process(client: Client) -> None:
    counting = Counting(lambda _path: True)
    for number in range(MOST_INCIDENTS + 5):
        counting.note(client, Incident.read(FAILURE | {"build": f"b{number}", "message": f"{number} " + "x" * 10_000}))

    kept = counting.incidents()

    assert len(kept) == MOST_INCIDENTS
    assert kept[-1].message.startswith(f"{MOST_INCIDENTS + 4} x")
    assert len(kept[-1].message) == MAX_MESSAGE
    assert (kept[-1].client, kept[-1].at > 1e9) == (1, True)


def test_the_stack_of_an_exception_is_shown_by_the_daemon(daemon: RunningDaemon, lease: Lease) -> None:
    script = compiled(daemon.scripts, "Throws", 'static int Main() { throw new Exception("boom"); }')
    began = time.monotonic()
    with pytest.raises(ScriptError) as caught:
        lease.exec(str(script), None, MessageHost(INVITE), began + LONG_S)
    lease.note(str(script), caught.value, began, MessageHost(INVITE))

    until(lambda: bool(daemon.status()["incidents"]), "the notice has come")
    failures = daemon.status()["incidents"]

    assert isinstance(failures, list)
    assert failures[0]["outcome"] == "exception"
    assert "Throws.Main" in failures[0]["detail"]


def test_moments_of_the_last_minutes_are_kept(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.daemon.counting.MOMENT_S", -1.0)
    counting = Counting(lambda _path: True)
    row = joined(counting, client).row("/x.exe", "b")
    counting.take([client])
    row[0], row[OUTCOMES.index("timeout")], row[FIRST_BUCKET] = 3, 1, 4
    counting.take([client])

    (_, no_failed, *no_times), (_, failed, *times) = counting.history()

    assert (no_failed, sum(no_times)) == (0, 0)
    assert (failed, times) == (1, [4] + [0] * len(BOUNDS_S))
    for _ in range(2 * MOMENTS):
        counting.take([])
    assert len(counting.history()) == MOMENTS
    counting.leave(client)


def test_of_failures_that_are_alike_the_last_one_is_kept(client: Client) -> None:
    counting = Counting(lambda _path: True)
    for pid in (7, 8, 9):
        counting.note(client, Incident.read(FAILURE | {"message": f"worker {pid}: it died"}))
    counting.note(client, Incident.read(FAILURE | {"message": "something else"}))

    first, second = counting.incidents()

    assert (first.message, first.count) == ("worker 9: it died", 3)
    assert (second.message, second.count) == ("something else", 1)
