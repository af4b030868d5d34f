"""An assembly that app-mono's own compilers had no part in: whoever made it, it runs as it is."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE, ROOT
from tests.programs import WAIT_S

if TYPE_CHECKING:
    from pathlib import Path

ILASM = shutil.which("ilasm")


@pytest.mark.skipif(ILASM is None, reason="ilasm is not installed: apt-get install mono-devel")
@pytest.mark.parametrize("suffix", [".exe", ".dll"])
def test_what_ilasm_alone_makes_does_what_the_script_in_c_sharp_does(tmp_path: Path, suffix: str) -> None:
    made = tmp_path / f"Made{suffix}"
    kind = f"-{suffix.removeprefix('.')}"
    subprocess.run(
        [str(ILASM), kind, f"-output:{made}", ROOT / "examples" / "MySRTest.il"], check=True, capture_output=True
    )
    seen = []

    with Runner(Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S)) as runner:
        for script in (made, compile_script(ROOT / "examples" / "MySRTest.cs")):
            for param in (None, "hello"):
                host = MessageHost(INVITE)
                result = runner.mono_exec(script, param, host=host)
                seen.append([result.exit_code, result.error, host.logs, host.message_bytes(), host.reply_headers])

    assert seen[:2] == seen[2:]
    assert seen[0][0] == 1
