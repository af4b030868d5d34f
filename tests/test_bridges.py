"""runner.bridges: the copies from which a runner starts its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.bridges import Bridges
from runner.build import bridge_sources
from runner.runtimes.known import MONO, PYTHON
from runner.runtimes.runtime import Runtime

if TYPE_CHECKING:
    from pathlib import Path


def test_a_bridge_is_copied_with_all_of_its_files_once(tmp_path: Path) -> None:
    bridges = Bridges(tmp_path, "mono")
    python, mono = bridges.of(PYTHON), bridges.of(MONO)

    assert python == tmp_path / "bridge" / "python" / "python" / "worker.py"
    assert mono == tmp_path / "bridge" / "mono" / "SRBridge.exe"
    sources = list((bridge_sources() / "python").rglob("*.py"))
    assert {path.name for path in sources} == {path.name for path in python.parent.rglob("*")} - {"SR"}
    assert (mono.parent / "KSR.dll").exists()
    assert bridges.of(PYTHON) == python


def test_others_may_read_what_their_group_may_and_nobody_may_write(tmp_path: Path) -> None:
    program = Bridges(tmp_path, "mono").of(PYTHON)

    assert program is not None
    assert [path.stat().st_mode & 0o777 for path in (program, program.parent)] == [0o440, 0o750]


def test_a_runtime_whose_command_is_all_of_it_has_no_bridge(tmp_path: Path) -> None:
    assert Bridges(tmp_path, "mono").of(Runtime(name="lua", suffixes=(".lua",), command=("lua",))) is None
    assert list(tmp_path.iterdir()) == []
