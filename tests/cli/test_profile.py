"""Where an exec's time goes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.cli.commands import app_mono, script
from tests.places import MESSAGE

if TYPE_CHECKING:
    from pathlib import Path


def test_a_profile_tells_the_script_from_the_host_and_the_way(tmp_path: Path) -> None:
    sleeps = script(tmp_path, "System.Threading.Thread.Sleep(100); return 0;", "Sleeps")
    asks = script(tmp_path, 'for (int i = 0; i < 200; i++) SR.PV.GetS("$Ts"); return 0;', "Asks")

    slept, asked = (
        json.loads(app_mono("exec", path, "-m", MESSAGE, "--repeat", "3", "--profile", "--json").stdout)["profile_us"]
        for path in (sleeps, asks)
    )
    told = app_mono("exec", asks, "-m", MESSAGE, "--repeat", "3", "--profile").stdout

    assert list(slept) == ["queue", "encode", "wire", "decode", "script", "calls", "edits"]
    assert slept["script"] > 95_000  # it slept for so long at least
    assert slept["calls"] == slept["edits"] == asked["edits"] == 0
    assert asked["calls"] > 0
    assert asked["wire"] > 0
    assert re.search(r"^script +[0-9.]+ us +[0-9]+%  Main itself", told, re.MULTILINE)
