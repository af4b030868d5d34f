"""runner.scripts.compiling: a build is compiled once, whoever waits for it, and nobody waits longer than it may."""

from __future__ import annotations

import gc
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import BuildError, CompilerLost, PoolExhausted, ScriptInvalid
from runner.runtimes.known import Runtimes
from runner.runtimes.runtime import Made
from runner.scripts.compiling import Compiling
from runner.scripts.generation import Generation
from runner.scripts.store import Store
from runner.settings import Settings
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from runner.runtimes.runtime import Runtime


class Loud:
    """A compiler: it says that what it was given is loud. It waits for ``go``."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.asked: list[tuple[tuple[str, ...], str, bool]] = []
        self.fails: Exception | None = None

    def __call__(self, command: tuple[str, ...], copies: Path, load: Mapping[str, Any], *, stays_warm: bool) -> Made:
        self.asked.append((command, load["path"], stays_warm))
        self.go.wait(WAIT_S)
        if self.fails is not None:
            raise self.fails
        if "beside.loud" not in load["helpers"]:
            return Made(b"", ("beside.loud",))
        return Made(b"loud: " + (copies / load["file"]).read_bytes(), ())


class Loudly(Runtimes):
    """The runtimes, and one with this compiler."""

    def __init__(self, compiler: Loud) -> None:
        super().__init__(Settings(runtimes={"loud": {"suffixes": [".loud", ".quiet"], "command": ["loud"]}}))
        self._loud = replace(self.named("loud"), sources=(".loud",), compile=compiler)

    def of(self, path: str) -> Runtime:
        return self._loud if self._loud.runs(path) else super().of(path)


@pytest.fixture
def compiler() -> Loud:
    return Loud()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "copies")


@pytest.fixture
def compiling(store: Store, compiler: Loud) -> Compiling:
    return Compiling(store, Loudly(compiler), stays_warm=True)


@pytest.fixture
def build(store: Store) -> Callable[..., Generation]:
    def of(path: str = "/x/a.loud", *helpers: str) -> Generation:
        return Generation.of(path, store.put(path, b"text"), None, None, dict.fromkeys(helpers), "loud")

    return of


def soon() -> float:
    return time.monotonic() + WAIT_S


def test_a_source_says_what_it_needs_and_is_compiled_when_it_has_that(
    compiling: Compiling, compiler: Loud, store: Store, build: Callable[..., Generation]
) -> None:
    assert compiling.needs(build(), soon()) == ("beside.loud",)
    made = build("/x/a.loud", "beside.loud")
    source = made.load_params()["file"]

    assert (compiling.needs(made, soon()), compiling.needs(made, soon())) == ((), ())

    assert compiler.asked == [(("loud",), "/x/a.loud", True)] * 2
    assert (made.file.hash, made.load_params()["file"]) == (source, made.loaded.hash)
    assert store.copy_of(made.loaded.hash).read_bytes() == b"loud: text"


def test_what_it_was_compiled_to_lives_as_long_as_the_build(
    compiling: Compiling, store: Store, build: Callable[..., Generation]
) -> None:
    made = build("/x/a.loud", "beside.loud")
    compiling.needs(made, soon())
    copy = store.copy_of(made.loaded.hash)
    store.release(())
    assert copy.exists()

    del made
    gc.collect()
    store.release(())

    assert not copy.exists()


def test_what_is_no_source_is_loaded_as_it_is(
    compiling: Compiling, compiler: Loud, build: Callable[..., Generation]
) -> None:
    for path in ("/x/a.quiet", "/x/a.exe"):
        made = build(path)
        assert compiling.needs(made, 0) == ()
        assert made.loaded is made.file
    assert compiler.asked == []


def test_what_another_thread_has_just_compiled_is_not_taken_for_a_source(
    compiling: Compiling, store: Store, build: Callable[..., Generation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The classes of a script in Java were compiled as if they were its source, so the build was rejected."""
    made = build("/x/a.loud", "beside.loud")
    begin = compiling._making

    def late(compiler: Loud, generation: Generation) -> object:
        store.put_compiled(generation, b"loud: text")  # by the thread that was first
        return begin(compiler, generation)

    monkeypatch.setattr(compiling, "_making", late)

    assert compiling.needs(made, soon()) == ()
    assert store.copy_of(made.loaded.hash).read_bytes() == b"loud: text"


def test_all_who_wait_for_one_build_wait_for_one_compilation(
    compiling: Compiling, compiler: Loud, build: Callable[..., Generation]
) -> None:
    compiler.go.clear()
    made = build("/x/a.loud", "beside.loud")
    found: list[tuple[str, ...]] = []
    threads = [threading.Thread(target=lambda: found.append(compiling.needs(made, soon()))) for _ in range(8)]
    for thread in threads:
        thread.start()

    with pytest.raises(PoolExhausted, match=r"^/x/a\.loud: it is being compiled, which takes longer than a call may"):
        compiling.needs(made, time.monotonic() + 0.05)
    compiler.go.set()
    for thread in threads:
        thread.join()

    assert found == [()] * 8
    assert len(compiler.asked) == 1


def test_an_error_is_everybodys_own_and_the_next_call_tries_again(
    compiling: Compiling, compiler: Loud, build: Callable[..., Generation]
) -> None:
    made = build("/x/a.loud", "beside.loud")
    for fails, kind, said in (
        (ScriptInvalid("/x/a.loud:1:2: too quiet"), ScriptInvalid, "/x/a.loud:1:2: too quiet"),
        (BuildError("there is no compiler"), PoolExhausted, "/x/a.loud: there is no compiler"),
        (CompilerLost("the compiler died"), CompilerLost, "/x/a.loud: the compiler died"),
    ):
        compiler.fails = fails
        with pytest.raises(kind) as caught:
            compiling.needs(made, soon())
        assert str(caught.value) == said
        assert caught.value is not fails
    compiler.fails = None

    assert compiling.needs(made, soon()) == ()
