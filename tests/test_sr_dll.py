"""SR.dll: the frozen surface, and programs that were built against Kamailio's own."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, ensure_bridge
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE, OLD_SR, ROOT, SHELF
from tests.programs import MCS, WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = ROOT / "lib" / "SR.cs"
MONO = shutil.which("mono") or "mono"
SURFACE = """\
SR, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null
SR.Core.APIVersion String() static
SR.Core.Dbg Void(String) static
SR.Core.Err Void(String) static
SR.Core.Log Void(Int32,String) static
SR.Core.ModF Int32(String) static
SR.HDR.Append Int32(String) static
SR.HDR.AppendToReply Int32(String) static
SR.HDR.Insert Int32(String) static
SR.HDR.Remove Int32(String) static
SR.PV.GetI Int32(String) static
SR.PV.GetS String(String) static
SR.PV.IsNull Int32(String) static
SR.PV.SetI Int32(String,Int32) static
SR.PV.SetS Int32(String,String) static
SR.PV.Unset Int32(String) static
"""
MODF = "SR.Core.ModF Int32(String) static\n"
SINCE_THEN = "SR.Core.ModF Int32(String,String[]) static\n"  # an overload: old programs are bound to the other one


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with Runner(Settings(exec_timeout_s=WAIT_S)) as running:
        yield running


def surface(assembly: Path) -> str:
    shows = [MONO, str(compile_script(SHELF / "ShowsSurface.cs")), str(assembly)]
    return subprocess.run(shows, check=True, capture_output=True, text=True).stdout


def test_the_public_surface_is_frozen_but_for_one_overload() -> None:
    assert surface(ensure_bridge().sr_dll) == SURFACE.replace(MODF, MODF + SINCE_THEN)


def test_the_surface_of_the_old_module_is_the_same(tmp_path: Path) -> None:
    subprocess.run([MCS, "-t:library", f"-out:{tmp_path}/SR.dll", OLD_SR], check=True)

    assert surface(tmp_path / "SR.dll") == SURFACE


def test_sr_cs_alone_builds_as_the_manual_says(tmp_path: Path) -> None:
    shutil.copy(SOURCE, tmp_path)
    shutil.copy(ROOT / "examples" / "MySRTest.cs", tmp_path)

    library = subprocess.run([MCS, "-t:library", "SR.cs"], cwd=tmp_path, capture_output=True, text=True, check=False)
    program = subprocess.run(
        [MCS, "-r:SR.dll", "MySRTest.cs"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (library.returncode, library.stdout + library.stderr) == (0, "")
    assert (program.returncode, program.stdout + program.stderr) == (0, "")
    assert (tmp_path / "MySRTest.exe").is_file()


def test_a_program_without_a_bridge_gets_the_error_values(tmp_path: Path) -> None:
    shutil.copy(SOURCE, tmp_path)
    (tmp_path / "P.cs").write_text(
        'class P { static int Main() { SR.Core.Log(1, "x"); '
        'return SR.PV.GetS("$ru") == null ? -SR.HDR.Append("x") : 9; } }',
        encoding="utf-8",
    )
    subprocess.run([MCS, "-t:library", "SR.cs"], cwd=tmp_path, check=True)
    subprocess.run([MCS, "-r:SR.dll", "P.cs"], cwd=tmp_path, check=True)

    assert subprocess.run([MONO, tmp_path / "P.exe"], check=False).returncode == 1


@pytest.mark.parametrize("beside", ["no SR.dll", "the old SR.dll", "a broken SR.dll"])
def test_a_program_built_for_the_old_module_runs_unchanged(runner: Runner, tmp_path: Path, beside: str) -> None:
    old = tmp_path / "SR.dll"
    program = tmp_path / "MakesEveryCall.exe"
    subprocess.run([MCS, "-t:library", f"-out:{old}", OLD_SR], check=True)
    subprocess.run([MCS, f"-r:{old}", f"-out:{program}", SHELF / "MakesEveryCall.cs"], check=True)
    if beside == "no SR.dll":
        old.unlink()
    elif beside == "a broken SR.dll":
        old.write_bytes(b"not an assembly")
    host = MessageHost(INVITE)

    result = runner.mono_exec(program, host=host)

    assert result.ok, result
    assert host.get_s("$var(got)") == "1.0 bob 0 0 0 5 0 1 -1 0 0 0 0 -127"
    assert host.logs[:3] == [(1, "log"), (-1, "err"), (3, "dbg")]
    assert b"INVITE sip:123@example.com" in host.message_bytes()
    assert b"X-A: 1\r\n\r\n" in host.message_bytes()
    assert b"\r\nX-I: 1\r\n" in host.message_bytes()
    assert b"Max-Forwards" not in host.message_bytes()
    assert host.reply_headers == ["X-R: 1\r\n"]


def test_the_benchmarks_peer_has_all_that_sr_dll_asks_its_host_for(tmp_path: Path) -> None:
    """It was left behind by a new call once, and the comparison with pythonnet was silently left out."""
    made = [f"-out:{tmp_path / 'SRBridge.dll'}", f"-r:{ensure_bridge().sr_dll}", str(ROOT / "bench" / "PeerHost.cs")]

    subprocess.run([MCS, "-t:library", *made], check=True, timeout=WAIT_S)
