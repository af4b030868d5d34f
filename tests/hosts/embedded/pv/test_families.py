"""Every family is named where the registries are filled."""

from __future__ import annotations

import re

from runner.hosts.embedded.pv import families
from tests.places import ROOT

FOLDER = ROOT / "runner" / "hosts" / "embedded" / "pv"
ADDS_ITS_OWN = re.compile(r"^ *@?register\(|\bROOT\.add\(", re.MULTILINE)


def test_no_file_that_registers_something_is_forgotten() -> None:
    adding = {path.stem for path in FOLDER.rglob("*.py") if ADDS_ITS_OWN.search(path.read_text(encoding="utf-8"))}

    assert adding >= {"request", "via", "text"}
    assert adding - vars(families).keys() == set()
