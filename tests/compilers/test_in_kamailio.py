"""Scripts in VB.NET, F# and C# 8 do in a real Kamailio what the same script does in C#, byte by byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, publish
from tests.kamailio.routes import Place, logged, ours, place, running
from tests.kamailio.test_parity import CALLS, OUR_SCRIPT, PATIENT, Came, exchange
from tests.places import ROOT, SHELF
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["place"]

pytestmark = pytest.mark.usefixtures("compilers")


def came(place: Place, source: Path, directory: Path) -> tuple[Came, list[str]]:
    """What came out of a Kamailio that runs a script, at both its ends and in its log."""
    scripts = directory / "scripts"
    scripts.mkdir(parents=True)
    script = publish(compile_script(source), scripts)
    with RunningDaemon(directory, f'load = "{script}"\n{PATIENT}') as daemon:
        cfg = ours(OUR_SCRIPT, CALLS["a parameter"][1], place.sink.port, place.port)
        env = {"APP_MONO_CONFIG": str(daemon.config)}
        with running(cfg, directory / "kamailio", place.port, env) as kamailio:
            return exchange(place), logged(kamailio)


@pytest.mark.parametrize("name", ["MySRTest", "MakesEveryCall"])
def test_a_script_does_the_same_in_every_language(place: Place, tmp_path: Path, name: str) -> None:
    is_sample = name == "MySRTest"
    sources = {
        "cs": (ROOT / "examples" if is_sample else SHELF) / f"{name}.cs",
        "vb": (ROOT / "examples" if is_sample else SHELF / "vb") / f"{name}.vb",
        "fs": (ROOT / "examples" if is_sample else SHELF / "fsharp") / f"{name}.fs",
        "cs8": tmp_path / f"{name}.cs",
    }
    sources["cs8"].write_text("// app-mono: -langversion:8\n" + sources["cs"].read_text("utf-8"), "utf-8")

    expected, *others = [came(place, source, tmp_path / word) for word, source in sources.items()]

    assert [len(messages) for messages in expected[0]] == [2, 2, 2, 2, 4, 4]
    assert len(expected[1]) > len(expected[0])
    for other in others:
        assert other == expected
