"""A helper with members whose types are not there: only what uses them fails, not the load, and no worker."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from runner.build import compile_script
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import MCS, WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

GONE = "public class Gone { } public struct GoneValue { public int X; }"
HELPER = """
public class A { internal static void Takes(Gone gone) { } }
public class B { private static GoneValue value; private int _x; }
public class C { public static int Seven() { return 7; } }
"""
SCRIPT = "// app-mono: -r:H.dll\nclass X { static int Main() { return C.Seven(); } }\n"


def test_a_helper_with_members_of_missing_types_is_loaded_and_its_other_members_run(tmp_path: Path) -> None:
    """Mono crashed while the bridge looked at the members: Visual Basic's runtime has such."""
    for name, text, options in (("G", GONE, []), ("H", HELPER, ["-r:G.dll", "-nowarn:169,414"])):
        (tmp_path / f"{name}.cs").write_text(text, encoding="utf-8")
        command = [
            MCS,
            "-t:library",
            f"-lib:{tmp_path}",
            *options,
            f"-out:{tmp_path / name}.dll",
            f"{tmp_path / name}.cs",
        ]
        subprocess.run(command, check=True, capture_output=True)
    (tmp_path / "G.dll").unlink()
    (tmp_path / "X.cs").write_text(SCRIPT, encoding="utf-8")

    with Runner(Settings(allocate_timeout_s=WAIT_S, exec_timeout_s=WAIT_S, first_exec_timeout_s=WAIT_S)) as runner:
        result = runner.mono_exec(str(compile_script(tmp_path / "X.cs")), host=MessageHost(INVITE))

    assert (result.exit_code, result.error) == (7, None)
