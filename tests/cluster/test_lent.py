"""runner.cluster.lent: a worker that a daemon has, as its node sees it; here the daemon is the test."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from runner.cluster import names
from runner.cluster.builds import Bucket
from runner.cluster.messages import DATA, SAID, Ended, parsed
from runner.scripts.generation import Generation, Part
from tests.cluster.here import Host
from tests.cluster.servers import connected
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cluster.conftest import Cluster

MISSING = Generation.of("/s/gone.exe", Part("/s/gone.exe", "0" * 64), None, None, {}, "mono")


@pytest.fixture
def host(cluster: Cluster) -> Iterator[Host]:
    with connected(cluster.servers.urls("sip"), "a daemon") as connection:
        yield Host(connection)


def test_a_build_that_is_nowhere_ends_the_lease_with_one_clear_line(cluster: Cluster, host: Host) -> None:
    offer = host.ask(MISSING)

    until(host.told, "the node says that it ends")

    (ended,) = host.told()
    assert isinstance(ended, Ended)
    assert ended.is_blameless
    assert "/s/gone.exe: " + "0" * 64 in ended.reason
    until(lambda: f"{ended.reason}\n" in cluster.nodes[offer.node.name].log(), "the node says why")


def test_a_forged_build_ends_the_lease_and_its_node_says_why_in_one_clear_line(
    cluster: Cluster, host: Host, tmp_path: Path
) -> None:
    part = Part("/s/forged.exe", hashlib.sha256(b"what the daemon means").hexdigest())
    forged = tmp_path / part.hash
    forged.write_bytes(b"what somebody who can write to the store means")
    with connected(cluster.servers.urls("admin")) as admin:
        admin.call(Bucket(admin).put([part], lambda _: forged), WAIT_S)

    offer = host.ask(Generation.of(part.path, part, None, None, {}, "mono"))
    until(host.told, "the node says that it ends")

    (ended,) = host.told()
    assert isinstance(ended, Ended)
    assert ended.is_blameless
    found = hashlib.sha256(forged.read_bytes()).hexdigest()
    where = f"/s/forged.exe: {part.hash} in the object store {names.BUCKET}"
    assert ended.reason == f"{where} was changed: its content has the hash {found}"
    log = cluster.nodes[offer.node.name].log
    until(lambda: ended.reason in log(), "the node says why")
    assert [line for line in log().splitlines() if part.hash in line] == [f"worker {offer.worker.pid}: {ended.reason}"]


def test_a_gap_ends_the_lease_and_what_comes_after_it_is_not_run(cluster: Cluster, host: Host) -> None:
    offer = host.ask(MISSING)

    host.send(offer, 7, DATA, b'{"jsonrpc":"2.0","id":1,"method":"exec","params":{}}\n')
    until(host.told, "the node says that it ends")

    (ended,) = host.told()
    assert isinstance(ended, Ended)
    assert ended.is_blameless
    until(lambda: cluster.told()[offer.node.name].leased == 0, "the worker is ended")


def test_a_daemon_that_breaks_the_protocol_loses_the_worker_and_no_node(
    cluster: Cluster, host: Host, tmp_path: Path
) -> None:
    content = b"a build that is there, so the lease goes on"
    part = Part("/s/there.exe", hashlib.sha256(content).hexdigest())
    (tmp_path / part.hash).write_bytes(content)
    bucket = Bucket(host.connection)
    host.connection.call(bucket.put([part], lambda part: tmp_path / part.hash), WAIT_S)
    offer = host.ask(Generation.of(part.path, part, None, None, {}, "mono"))

    host.send(offer, 0, SAID, b"[]")
    until(host.told, "the node says that it ends")

    assert "not understood" in getattr(host.told()[-1], "reason", "")
    assert cluster.told()[offer.node.name].up_s > 0


def test_a_malformed_request_is_answered_and_nothing_is_lent(cluster: Cluster, host: Host) -> None:
    answers: list[dict[str, str]] = []

    def is_answered() -> bool:
        with suppress(ConnectionError):  # all workers may be busy, or start
            asked = host.connection.request(names.lease("mono"), b"{}", WAIT_S)
            answers.append(parsed(host.connection.call(asked, WAIT_S)))
        return bool(answers)

    until(is_answered, "a node answers")

    assert "expected" in answers[0]["refusal"]
    until(lambda: sum(node.refused for node in cluster.seen.all().values()), "a node has refused it")
