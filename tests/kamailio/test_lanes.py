"""Kamailio's own Python takes the lane in C, or the one in Python where the environment says so; both do the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.lane import building, choice
from tests.kamailio.test_app_mono import Site, site
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["site"]  # the fixture

EXECS = 8  # the first ones ask, then everything is foreseen


def with_library(pids: Sequence[int]) -> list[int]:
    """Those processes that have the lane in C."""
    return [pid for pid in pids if building.LIBRARY in Path(f"/proc/{pid}/maps").read_text("utf-8")]


@pytest.mark.parametrize("name", choice.NAMES)
def test_kamailio_runs_the_lane_that_the_environment_names(
    site: Site,  # the fixture
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(choice.VARIABLE, name)
    body = 'static int Main(string[] a) { PV.SetS("$var(x)", a[0]); HDR.AppendToReply("X-A: " + a[0] + "\\r\\n"); '
    body += 'return PV.GetS("$rU") == "bob" && a[0] == "bob" ? 0 : 1; }'
    script = compiled(site.daemon.scripts, "Edits", body)
    site.start(f'python_exec("mono_exec", "{script} $rU");')

    assert [site.result() for _ in range(EXECS)] == [1] * EXECS
    assert site.result("sip:alice@example.com") == -1

    assert bool(with_library(site.kamailio.children())) is (name == "c")
    assert "app_mono: " not in site.kamailio.log()
