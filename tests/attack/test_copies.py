"""A worker loads only the runner's copies, unchanged, whoever holds its wire."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptInvalid
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import MCS, WAIT_S
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.scripts.generation import Generation

RETURNS = "static int Main() {{ return {0}; }}"
REWRITES = """static int Main(string[] args) {
    string[] paths = args[0].Split(' ');
    System.IO.File.Delete(paths[0]);
    System.IO.File.Copy(paths[1], paths[0]);
    return 0; }"""


@pytest.fixture
def runner() -> Iterator[Runner]:
    with Runner(Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, observer="none")) as runner:
        yield runner


def load(runner: Runner, generation: Generation) -> None:
    """Send ``load`` on the wire, as any holder of a lease can."""
    with runner.pools.of("mono").pool.lease(None, time.monotonic() + WAIT_S) as worker:
        assert worker.load(generation, time.monotonic() + WAIT_S) == ()


def named(generation: Generation, name: str) -> Generation:
    return replace(generation, id="forged", file=replace(generation.file, hash=name))


@pytest.mark.parametrize(
    "name",
    [
        lambda path, _copy: str(path),
        lambda _path, copy: f"../blobs/{copy.name}",
        lambda _path, copy: str(copy),
        lambda _path, copy: copy.name.upper(),
        lambda _path, copy: copy.name + "\0",
        lambda _path, _copy: "",
        lambda _path, _copy: "../bridge/SRBridge.exe",
    ],
    ids=["a file elsewhere", "a way through the copies", "a copy by its path", "upper case", "a NUL", "", "the bridge"],
)
def test_the_holder_of_a_wire_can_load_only_copies(
    runner: Runner, tmp_path: Path, name: Callable[[Path, Path], str]
) -> None:
    """With a daemon of root, this used to be a way to run any program as root."""
    path = compiled(tmp_path, "X", RETURNS.format(0))
    generation = runner.scripts.current(str(path))

    with pytest.raises(ScriptInvalid, match="expected the SHA-256 of a copy"):
        load(runner, named(generation, name(path, runner.scripts.copy_of(generation.file))))

    load(runner, generation)


def test_a_missing_copy_is_not_replaced_by_another_one(runner: Runner, tmp_path: Path) -> None:
    path = compiled(tmp_path, "X", RETURNS.format(0))

    with pytest.raises(ScriptInvalid, match="the runner's copy cannot be read"):
        load(runner, named(runner.scripts.current(str(path)), sha256(path.read_bytes() + b" ").hexdigest()))


@pytest.mark.parametrize("part", ["assembly", "config", "helper"])
def test_a_copy_that_a_script_has_rewritten_is_not_loaded(runner: Runner, tmp_path: Path, part: str) -> None:
    """Without a separate user for scripts, one script could put its code into another one."""
    rewrites = compiled(tmp_path, "Rewrites", REWRITES)
    helper = compiled(tmp_path, "H", "public static int Value() { return 0; } static void Main() {}")
    (tmp_path / "Uses.cs").write_text("public class Uses { static int Main() { return H.Value(); } }\n", "utf-8")
    uses = tmp_path / "Uses.exe"
    subprocess.run([MCS, f"-r:{helper}", f"-out:{uses}", str(tmp_path / "Uses.cs")], check=True)
    Path(f"{uses}.config").write_text("<configuration/>", "utf-8")
    generation = runner.scripts.extend(runner.scripts.current(str(uses)), ("H",))
    attacked = {part.path: part for part in generation.parts()}[
        {"assembly": str(uses), "config": f"{uses}.config", "helper": str(helper)}[part]
    ]

    copy = runner.scripts.copy_of(attacked)
    done = runner.mono_exec(str(rewrites), f"{copy} {rewrites}", host=MessageHost(INVITE))

    assert done.exit_code == 0, done.error
    with pytest.raises(ScriptInvalid, match=f"the runner's copy was changed: expected the SHA-256 {copy.name}"):
        load(runner, generation)
