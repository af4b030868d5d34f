"""runner.cluster.builds: files by their content in the object store."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import ExitStack
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from runner.cluster import builds
from runner.cluster.builds import Bucket, Fetched
from runner.cluster.names import BUCKET
from runner.errors import ScriptInvalid
from runner.scripts.generation import Generation, Part
from runner.scripts.store import Store
from tests.cluster.servers import Servers, connected
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.cluster.connection import Connection


@pytest.fixture(autouse=True)
def _the_object_store_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have to wait for its disk."""
    monkeypatch.setattr(builds, "STEP_S", WAIT_S)


class Both:
    """A daemon's and a node's side of the object store."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        servers = stack.enter_context(Servers(directory))
        self.sip, self.node, self.admin = (
            stack.enter_context(connected(servers.urls(user), user)) for user in ("sip", "node", "admin")
        )
        self.puts, self.gets, self.forges = Bucket(self.sip), Bucket(self.node), Bucket(self.admin)
        self.copies = directory / "copies"
        self.copies.mkdir()

    def part(self, content: bytes, digest: str = "") -> Part:
        """A file with this content, as a daemon keeps it."""
        digest = digest or hashlib.sha256(content).hexdigest()
        (self.copies / digest).write_bytes(content)
        return Part("/s/x.exe", digest)

    def put(self, bucket: Bucket, connection: Connection, part: Part) -> None:
        """Put it into the object store."""
        connection.call(bucket.put([part], self.copy_of), WAIT_S)

    def copy_of(self, part: Part) -> Path:
        """Where a daemon has it."""
        return self.copies / part.hash

    def put_at(self, part: Part) -> datetime:
        """When it was put into the object store last."""

        async def at() -> str:
            store = await self.admin.client().jetstream().object_store(BUCKET)
            return (await store.get_info(part.hash)).mtime or ""

        return datetime.fromisoformat(self.admin.call(at(), WAIT_S))

    def get(self, part: Part) -> bytes:
        """Fetch it as a node."""
        return self.node.call(self.gets.get(part), WAIT_S)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with ExitStack() as stack:
        yield Both(tmp_path_factory.mktemp("store"), stack)


@pytest.mark.parametrize("length", [0, 1, 300_000])
def test_a_node_has_what_a_daemon_has_put_there(both: Both, length: int) -> None:
    content = bytes(number % 251 for number in range(length))
    part = both.part(content)

    both.put(both.puts, both.sip, part)

    assert both.get(part) == content


@pytest.mark.parametrize(("servers", "expected"), [(2, 1), (3, 3)])
def test_each_file_is_kept_as_often_as_the_servers_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, servers: int, expected: int
) -> None:
    """Three copies were asked of two servers, which refused: nats-py counts the one that it is connected to twice."""
    monkeypatch.setattr(builds, "STEP_S", 1.0)  # until they have a leader nothing answers, and it is tried again
    content = b"a build"
    part = Part("/s/x.exe", hashlib.sha256(content).hexdigest())
    (tmp_path / part.hash).write_bytes(content)
    with ExitStack() as stack:
        running = stack.enter_context(Servers(tmp_path, servers))
        sip, admin = (stack.enter_context(connected(running.urls(user), user)) for user in ("sip", "admin"))
        bucket = Bucket(sip)
        refusals: list[str] = []

        def is_put() -> bool:
            try:
                sip.call(bucket.put([part], lambda part: tmp_path / part.hash), WAIT_S)
            except (ConnectionError, TimeoutError) as error:
                refusals.append(str(error))
                return False
            return True

        until(is_put, f"it is put there: {refusals}")

        stream = admin.call(admin.client().jetstream().stream_info(f"OBJ_{BUCKET}"), WAIT_S)
        assert stream.config.num_replicas == expected


def test_a_file_that_is_not_there_is_an_error_of_the_build(both: Both) -> None:
    both.put(both.puts, both.sip, both.part(b"something"))

    with pytest.raises(ScriptInvalid, match=rf"/s/x\.exe: .* in the object store {BUCKET} is not there"):
        both.get(Part("/s/x.exe", "0" * 64))


def test_a_forged_object_is_refused_by_its_hash(both: Both) -> None:
    forged = both.part(b"evil", hashlib.sha256(b"good").hexdigest())

    both.put(both.forges, both.admin, forged)

    with pytest.raises(ScriptInvalid, match=r"was changed: its content has the hash [0-9a-f]{64}"):
        both.get(forged)


def test_a_node_may_not_put_anything_there(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "STEP_S", 0.5)  # the server says nothing to whom it refuses
    part = both.part(b"from a node")

    with pytest.raises(ConnectionError, match="cannot be put into the object store"):
        both.put(Bucket(both.node), both.node, part)
    with pytest.raises(ScriptInvalid, match="is not there"):
        both.get(part)


def test_a_file_that_is_too_long_is_not_fetched(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    part = both.part(b"long" * 100)
    both.put(both.puts, both.sip, part)
    monkeypatch.setattr(builds, "MAX_FILE_BYTES", 100)

    with pytest.raises(ScriptInvalid, match="is longer than 100 bytes"):
        both.get(part)


def test_a_node_keeps_the_files_of_a_build_for_as_long_as_the_build(
    both: Both, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds, "MOST_BUILDS", 1)
    store = Store(tmp_path / "node")
    fetched = Fetched(both.gets, store)
    parts = [both.part(content) for content in (b"first", b"second")]
    for part in parts:
        both.put(both.puts, both.sip, part)
        build = Generation.of(part.path, part, None, None, {}, "mono")
        kept = both.node.call(fetched.fetch(build), WAIT_S)
        assert store.copy_of(part.hash).read_bytes() == (both.copies / part.hash).read_bytes()
        assert fetched.known(kept.id) is kept
    del build, kept
    store.release(())

    assert fetched.count() == 1
    assert not store.copy_of(parts[0].hash).exists()


def test_a_caller_without_time_to_wait_costs_the_others_nothing(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    Its put was cancelled, and all others were refused for 0.5 s.

    A client whose node ends asks for another one with 10 ms; with a save at the same time its exec was refused.
    """
    monkeypatch.setattr(builds, "SLOW_S", WAIT_S)  # not even on a machine that is as slow as that
    bucket, part, other = Bucket(both.sip), both.part(b"impatient"), both.part(b"patient")

    async def give_up() -> None:
        async with bucket._putting:  # another put is at it
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(bucket.put([part], both.copy_of), 0.001)
        await bucket.put([other], both.copy_of)

    both.sip.call(give_up(), WAIT_S)

    assert both.get(other) == b"patient"
    until(lambda: not bucket.missing([part]), "the first one has gone on")
    assert both.get(part) == b"impatient"


def test_after_a_store_that_does_not_answer_all_are_refused_at_once_until_it_does(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builds, "SLOW_S", 0.0)
    monkeypatch.setattr(builds, "AGAIN_S", WAIT_S)
    bucket, part, other = Bucket(both.sip), both.part(b"late"), both.part(b"later")

    async def give_up() -> None:
        async with bucket._putting:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(bucket.put([part], both.copy_of), 0.001)
            with pytest.raises(ConnectionError, match="did not answer a moment ago"):
                await bucket.put([other], both.copy_of)
            bucket._again_at = 0.0

    both.sip.call(give_up(), WAIT_S)
    both.put(bucket, both.sip, other)


def test_a_file_is_put_again_before_it_expires(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was looked at only, and was gone after 30 days, under a daemon that believed it to be there."""
    monkeypatch.setattr(builds, "PUT_AGAIN_S", 0.0)
    part, bucket = both.part(b"in use"), Bucket(both.sip)
    both.put(bucket, both.sip, part)
    first = both.put_at(part)

    both.put(bucket, both.sip, part)

    assert both.put_at(part) > first


@pytest.mark.parametrize(("kept_s", "is_put_again"), [(0.0, True), (WAIT_S, False)])
def test_a_daemon_that_starts_puts_only_files_again_that_expire_soon(
    both: Both, monkeypatch: pytest.MonkeyPatch, kept_s: float, *, is_put_again: bool
) -> None:
    part = both.part(b"of the daemon before" + bytes([is_put_again]))
    both.put(Bucket(both.sip), both.sip, part)
    first = both.put_at(part)
    monkeypatch.setattr(builds, "KEPT_S", kept_s)
    monkeypatch.setattr(builds, "PUT_AGAIN_S", 0.0)

    both.put(Bucket(both.sip), both.sip, part)

    assert (both.put_at(part) > first) is is_put_again
