"""
Files by their content, in an object store of NATS: daemons put them there, nodes fetch them by their hash.

The name of an object is the SHA-256 of its content, and whoever fetches one compares: nobody can give a node another
file than the one that its daemon means. Runs in the loop of the connection.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from runner.errors import ScriptInvalid
from runner.scripts.files import MAX_FILE_BYTES, Look

from .names import BUCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from nats.js.object_store import ObjectStore

    from runner.scripts.generation import Generation, Part
    from runner.scripts.store import Store

    from .connection import Connection

log = logging.getLogger("runner.cluster")

REPLICAS = 3  # where there are so many servers, else 1: with two copies on two servers, none could end
KEPT_S = 30 * 86_400.0  # an object that no daemon has put again since is removed by the server
PUT_AGAIN_S = KEPT_S / 10
MOST_KNOWN = 4096  # files that are known to be there
STEP_S = 1.5  # for one file; usually it takes some milliseconds
FETCH_S = 5.0  # to try again and again
PAUSE_S = 0.05
SLOW_S = 0.1  # who has waited for so long has found a store that does not answer
AGAIN_S = 0.5  # after the store has not answered, all are refused at once for so long
MOST_BUILDS = 256  # that a node keeps; one that was forgotten is fetched again


class Bucket:
    """
    The object store. For the loop's thread.

    Args:
        connection: To NATS.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._put_at: OrderedDict[str, float] = OrderedDict()
        self._putting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._again_at = 0.0

    def missing(self, parts: Iterable[Part]) -> list[Part]:
        """Those of the files that are not known to be there; for any thread."""
        oldest = time.monotonic() - PUT_AGAIN_S
        return [part for part in parts if self._put_at.get(part.hash, oldest) <= oldest]

    async def put(self, parts: Iterable[Part], copy_of: Callable[[Part], Path]) -> None:
        """
        Make sure that files are there. It goes on when its caller is cancelled, so the next one finds them there.

        Args:
            parts: The files.
            copy_of: Where the copy of one lies.

        Raises:
            ConnectionError: They cannot be put there; with the reason.
        """
        missing = self.missing(parts)
        if not missing:
            return
        self._check_answers()
        began = time.monotonic()
        task = asyncio.create_task(self._put(missing, copy_of))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if time.monotonic() - began >= SLOW_S:
                self._again_at = time.monotonic() + AGAIN_S
            raise

    async def _put(self, parts: list[Part], copy_of: Callable[[Part], Path]) -> None:
        from nats.errors import Error  # noqa: PLC0415 - an optional extra

        async with self._putting:
            self._check_answers()  # those before may have found that it does not
            try:
                for part in self.missing(parts):
                    now = time.monotonic()
                    store = await self._store()
                    if part.hash in self._put_at or not await self._lasts(store, part):
                        await asyncio.wait_for(store.put(part.hash, copy_of(part).read_bytes()), STEP_S)
                    self._note(part.hash, now)
            except (Error, OSError, TimeoutError) as error:
                self._again_at = time.monotonic() + AGAIN_S
                why = str(error) or type(error).__name__
                raise ConnectionError(f"builds cannot be put into the object store {BUCKET}: {why}") from error
            self._again_at = 0.0

    def _check_answers(self) -> None:
        if time.monotonic() < self._again_at:
            raise ConnectionError(f"the object store {BUCKET} did not answer a moment ago")

    async def _lasts(self, store: ObjectStore, part: Part) -> bool:
        """Whether a file is there, and will be for longer than until it is looked at again."""
        from nats.js.errors import NotFoundError  # noqa: PLC0415 - as above

        try:
            info = await asyncio.wait_for(store.get_info(part.hash), STEP_S)
            put_at = datetime.fromisoformat(info.mtime or "")
            return (datetime.now(UTC) - put_at).total_seconds() < KEPT_S - 2 * PUT_AGAIN_S
        except (NotFoundError, ValueError, TypeError):  # it is not there, or does not say for how long it has been
            return False

    async def get(self, part: Part) -> bytes:
        """
        The content of a file. While the servers choose a leader nothing answers, so it is tried more than once.

        Raises:
            ScriptInvalid: It is not there, too long, or has another content than its name says.
            ConnectionError: It cannot be fetched now.
        """
        from nats.errors import Error  # noqa: PLC0415 - as above
        from nats.js.errors import DigestMismatchError, NotFoundError  # noqa: PLC0415 - the same

        where = f"{part.path}: {part.hash} in the object store {BUCKET}"
        deadline = time.monotonic() + FETCH_S
        while True:
            try:
                data = await asyncio.wait_for(self._get(part.hash), STEP_S)
                break
            except NotFoundError:
                raise ScriptInvalid(f"{where} is not there") from None
            except DigestMismatchError:
                raise ScriptInvalid(f"{where} was changed: its content is not what it says itself") from None
            except (Error, OSError, TimeoutError) as error:
                if time.monotonic() >= deadline:
                    raise ConnectionError(f"{where} cannot be fetched: {str(error) or type(error).__name__}") from error
            await asyncio.sleep(PAUSE_S)
        if data is None:
            raise ScriptInvalid(f"{where} is longer than {MAX_FILE_BYTES} bytes")
        if (found := hashlib.sha256(data).hexdigest()) != part.hash:
            raise ScriptInvalid(f"{where} was changed: its content has the hash {found}")
        return data

    async def _get(self, digest: str) -> bytes | None:
        """The content of an object; None when it is too long."""
        store = await self._connection.client().jetstream(timeout=STEP_S).object_store(BUCKET)
        info = await store.get_info(digest)
        return None if (info.size or 0) > MAX_FILE_BYTES else (await store.get(digest)).data or b""

    async def _store(self) -> ObjectStore:
        from nats.js.api import ObjectStoreConfig  # noqa: PLC0415 - as above
        from nats.js.errors import NotFoundError  # noqa: PLC0415 - the same

        stream = self._connection.client().jetstream(timeout=STEP_S)
        try:
            return await stream.object_store(BUCKET)
        except NotFoundError:
            # Those of the settings: what nats-py finds has other names, so it counts the same server more than once.
            replicas = REPLICAS if len(set(self._connection.urls)) >= REPLICAS else 1
            config = ObjectStoreConfig(
                bucket=BUCKET, description="app-mono: files of scripts by their hash", ttl=KEPT_S, replicas=replicas
            )
            return await stream.create_object_store(BUCKET, config)

    def _note(self, digest: str, now: float) -> None:
        self._put_at[digest] = now
        self._put_at.move_to_end(digest)
        if len(self._put_at) > MOST_KNOWN:
            self._put_at.popitem(last=False)


class Fetched:
    """
    The builds that a node has: their files lie in its store for as long as a build is kept here or loaded somewhere.

    Args:
        bucket: Where they are fetched from.
        store: Where they go.
    """

    def __init__(self, bucket: Bucket, store: Store) -> None:
        self._bucket = bucket
        self._store = store
        self._builds: OrderedDict[str, Generation] = OrderedDict()
        self._fetching: dict[str, asyncio.Task[Generation]] = {}

    def count(self) -> int:
        """How many builds are kept."""
        return len(self._builds)

    def known(self, build_id: str) -> Generation | None:
        """A build that is here; None for none."""
        return self._builds.get(build_id)

    async def fetch(self, generation: Generation) -> Generation:
        """
        Have a build here; the one object that stands for it on this node.

        Raises:
            ScriptInvalid, ConnectionError: As ``Bucket.get``.
        """
        known = self._builds.get(generation.id)
        if known is not None:
            self._builds.move_to_end(known.id)
            return known
        fetching = self._fetching.get(generation.id)
        if fetching is None:
            fetching = asyncio.get_running_loop().create_task(self._fetch(generation))
            self._fetching[generation.id] = fetching
            fetching.add_done_callback(lambda _: self._fetching.pop(generation.id, None))
        return await asyncio.shield(fetching)

    async def _fetch(self, generation: Generation) -> Generation:
        with Look(self._store) as look:
            for part in generation.parts():
                await self._get(look, part)
            look.keep(generation)
        self._builds[generation.id] = generation
        if len(self._builds) > MOST_BUILDS:
            self._builds.popitem(last=False)
        return generation

    async def fetch_file(self, part: Part, owner: Generation) -> None:
        """As ``fetch``, of one file; it is kept for as long as ``owner``."""
        with Look(self._store) as look:
            await self._get(look, part)
            look.keep(owner)

    async def _get(self, look: Look, part: Part) -> None:
        if not look.take(part):
            look.put(part.path, await self._bucket.get(part))
