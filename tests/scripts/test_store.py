"""runner.scripts.store: copies by content, for as long as somebody counts them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptInvalid
from runner.scripts.store import COPY_MODE, DIRECTORY_MODE, Store

if TYPE_CHECKING:
    from pathlib import Path

DATA = b"content"
HASH = sha256(DATA).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "copies")


def test_a_copy_is_named_by_its_content_and_cannot_be_written(store: Store) -> None:
    part = store.put("/x.exe", DATA)

    copy = store.copy_of(part.hash)
    assert (part.path, part.hash, copy.name) == ("/x.exe", HASH, HASH)
    assert copy.read_bytes() == DATA
    assert copy.stat().st_mode & 0o7777 == COPY_MODE
    assert copy.parent.stat().st_mode & 0o7777 == DIRECTORY_MODE


def test_a_copy_stays_until_its_last_count_is_given_back(store: Store) -> None:
    first, second = store.put("/x.exe", DATA), store.put("/y.exe", DATA)
    assert store.take(first)

    store.release([second.hash, first.hash])
    assert store.copy_of(HASH).exists()
    store.release([first.hash])

    assert not store.copy_of(HASH).exists()
    assert not store.take(first)


def test_a_finalizer_gives_counts_back_at_the_next_release(store: Store) -> None:
    part = store.put("/x.exe", DATA)

    store.release_later((part.hash,))
    assert store.copy_of(HASH).exists()
    store.release(())

    assert not store.copy_of(HASH).exists()


def test_a_copy_that_somebody_deleted_is_not_taken_but_made_again(store: Store) -> None:
    part = store.put("/x.exe", DATA)
    store.copy_of(HASH).unlink()

    assert not store.take(part)
    store.put("/x.exe", DATA)

    assert store.copy_of(HASH).read_bytes() == DATA


def test_a_copy_that_cannot_be_written_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", fail)
    with pytest.raises(ScriptInvalid, match=r"/x\.exe: cannot be copied to .*: No space left on device"):
        store.put("/x.exe", DATA)

    assert list(store.copy_of(HASH).parent.iterdir()) == []
