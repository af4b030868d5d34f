"""bench.report, bench.summary, bench.targets: what a run says, and the page that has it."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from bench import kamailio, report, summary
from bench.measure import Row, Times
from bench.sides import BY_THE_KERNEL, COLD, DEFAULT, EMPTY_CALL, FEW, IN_PROCESS, MANY, NO_SCRIPT
from bench.targets import TARGETS
from tests.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "# A page\n<!-- summary of make bench -->\nFORMER\n<!-- end of the summary -->\nBetween.\n"
PAGE += "<!-- table of make bench -->\nFORMER\n<!-- end of the table -->\nThe end.\n"
MET, MISSED = "library, 3 calls: C lane / pythonnet", "first exec after a change, 60 methods, p99 / limit"
ROWS = [
    Row(MET, 20.0, 40.0, 0.5, 0.02),
    Row(MISSED, 7000.0, 5000.0, 1.4),
    Row("only reported", 3.0, None, 3.0, None, "MiB"),
]


def in_table(page: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:1] == "|"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page and what a run wrote, below one directory."""
    monkeypatch.setattr(report, "BUILD", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text(PAGE, "utf-8")
    (tmp_path / report.PLOT).write_text("<svg/>", "utf-8")
    report.write(ROWS)
    return tmp_path


def test_the_page_has_every_row_that_has_a_target_and_its_target() -> None:
    found = {
        cells[0]: cells[5] for cells in in_table(report.PAGE.read_text("utf-8")) if len(cells) == len(report.COLUMNS)
    }

    assert {name: target for name, target in found.items() if name != "row" and target.strip("-")} == TARGETS


def test_a_run_is_written_into_the_page_and_the_next_one_in_its_place(place: Path) -> None:
    for _ in range(2):
        report.into_page(place / "docs" / "page.md", place / "bench.json")

    text = (place / "docs" / "page.md").read_text("utf-8")
    rows = {cells[0]: cells[1:] for cells in in_table(text)}
    assert rows[MET] == ["20", "40", "us", "0.5", "<= 0.9", "met", "2%"]
    assert rows[MISSED] == ["7000", "5000", "us", "1.4", "<= 1.0", "missed", ""]
    assert rows["only reported"] == ["3", "", "MiB", "3", "", "", ""]
    assert rows["many execs, failed"][4:6] == ["<= 0", "not measured"]
    assert len(rows) == 2 + len(TARGETS) + 1
    assert text.count("a script of 3 calls takes 20 us") == 1
    assert "99 in 100 of these took at most 7000 us" in " ".join(text.split())
    assert "FORMER" not in text
    assert text.endswith("The end.\n")
    assert (place / "docs" / report.PLOT).read_text("utf-8") == "<svg/>"


def test_a_page_without_markers_and_a_run_that_was_not_made_are_named(place: Path) -> None:
    (place / "docs" / "page.md").write_text(PAGE.replace("end of the table", "end"), "utf-8")

    with pytest.raises(SystemExit, match=r"page\.md: expected the lines '<!-- table of make bench -->' and, below it,"):
        report.into_page(place / "docs" / "page.md", place / "bench.json")
    with pytest.raises(SystemExit, match=r"expected the results of `make bench` in .*none, found no such file"):
        report.into_page(place / "docs" / "page.md", place / "none")


def test_the_results_are_what_was_measured(place: Path) -> None:
    assert [Row(**row) for row in json.loads((place / "bench.json").read_text("utf-8"))["rows"]] == ROWS


def test_targets_and_the_summary_name_rows_that_are_measured() -> None:
    """A row that is called something else from now on would be without its target, and nobody would see it."""
    names = (*IN_PROCESS, DEFAULT, BY_THE_KERNEL)
    sides = [*(f"{name}, {what}" for name, what in itertools.product(names, (FEW, MANY))), EMPTY_CALL, COLD, NO_SCRIPT]
    times = {side: Times(((1.0,), (2.0,))) for side in sides}
    rows = [row for where in ("qm, free", "qm, one CPU", "fm, one CPU") for row in kamailio.rows_of(times, where)]
    measured = {row.name for row in rows}

    wanted = {name for name in TARGETS if name.startswith("SIP") and DEFAULT in name}
    assert wanted <= measured
    said = summary.lines({row.name: row for row in rows})
    told = "A request through Kamailio takes 1 times as long as with the old embedded module, and 1 times as long"
    assert told in " ".join(said.split())


def test_an_unknown_group_is_named() -> None:
    command = [sys.executable, "-m", "bench", "libary"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 1
    assert ran.stderr.strip().endswith("or --table, got libary")
