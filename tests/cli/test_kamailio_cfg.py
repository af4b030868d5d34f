"""What ``app-mono kamailio-cfg`` prints, and that a real Kamailio takes it."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from runner.cli.kamailio_cfg import lines
from tests.cli.commands import app_mono
from tests.kamailio.rig import Kamailio, free_udp_port, preamble

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("kemi", [False, True])
def test_kamailio_accepts_the_lines_to_paste(tmp_path: Path, *, kemi: bool) -> None:
    port = free_udp_port()
    cfg = preamble(port, ["sl", "pv"]) + lines(kemi=kemi, toml_only=False)
    cfg += "" if kemi else "request_route { route(SCRIPT); }\n"

    told = Kamailio(cfg, tmp_path, port).check()

    assert told.startswith("accepted"), told


def test_the_settings_to_paste_are_toml() -> None:
    done = app_mono("kamailio-cfg", "--toml")

    assert tomllib.loads(done.stdout) == {"script_dirs": ["/etc/kamailio/mono"], "max_workers": 17}
