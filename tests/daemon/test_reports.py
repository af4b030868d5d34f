"""runner.daemon.reports: what a client says of its worker counts as far as it can be true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runner.control.kinds import MAX_COUNT, MAX_NAMES, MAX_TEXT, Malformed
from runner.control.messages import Needs, Report
from runner.daemon import reports
from runner.runtimes.mentions import in_assembly
from runner.scripts.generation import Generation, Part
from runner.worker.holdings import Holdings
from tests.daemon.borrowers import build

if TYPE_CHECKING:
    from pathlib import Path


REPORT: dict[str, Any] = {
    "lease": "1",
    "execs": 2,
    "loads": 3,
    "bound": {"H": "x"},
    "loaded": {"/x.exe": "id"},
    "retire_reason": "threads",
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"lease": -1},
        {"lease": ""},
        {"lease": "x" * 65},
        {"execs": MAX_COUNT + 1},
        {"execs": True},
        {"loads": 1.0},
        {"loads": None},
        {"bound": []},
        {"bound": {str(number): "x" for number in range(MAX_NAMES + 1)}},
        {"bound": {"H": None}},
        {"loaded": {"x": "y" * (MAX_TEXT + 1)}},
        {"retire_reason": 7},
    ],
    ids=repr,
)
def test_a_report_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Report.read(REPORT | wrong)


def test_a_reason_that_only_a_later_version_knows_is_none() -> None:
    assert Report.read(REPORT | {"retire_reason": "later"}).retire_reason == ""
    without = {name: value for name, value in REPORT.items() if name != "retire_reason"}
    assert Report.read(without).retire_reason == ""


def test_what_is_known_of_a_worker_only_grows_and_has_an_end() -> None:
    holdings = Holdings()
    holdings.execs, holdings.loads, holdings.retire_reason, holdings.bound = 5, 5, "memory", {"H": "x"}
    known = build("/x.exe", "1")

    reports.note(holdings, Report.read(REPORT | {"loaded": {"/elsewhere": known.id, "b": "?"}}), {known.id: known})
    assert (holdings.execs, holdings.loads, holdings.retire_reason) == (5, 5, "memory")
    assert holdings.loaded == {"/x.exe": known}, "a script is where its build says"
    for begin in range(0, 3 * MAX_NAMES, MAX_NAMES // 2):
        names = {str(number): "x" for number in range(begin, begin + MAX_NAMES // 2)}
        reports.note(holdings, Report.read(REPORT | {"bound": names}), {})
    assert len(holdings.bound) <= MAX_NAMES
    assert holdings.bound["H"] == "x"


def test_of_names_that_a_load_needs_those_are_looked_for_that_the_assembly_has(tmp_path: Path) -> None:
    names = b"..\0Helper\0NotAll.." + "Größe".encode() + b"\0" + b"".join(b"N%d\0" % n for n in range(200))
    (tmp_path / "1").write_bytes(names + "Plugin".encode("utf-16-le"))
    generation = Generation.of("/x.exe", Part("/x.exe", "1"), None, None, {"Known": None})

    def mentioned(names: list[str], of: Generation = generation) -> tuple[str, ...]:
        return reports.mentioned(of, names, lambda part: tmp_path / part.hash, in_assembly)

    wanted = ["Helper", "NotAll", "Größe", "Plugin", "Help", "Known", "", "\ud800"]
    assert mentioned(wanted) == ("Helper", "Größe", "Plugin")
    assert len(mentioned([f"N{number}" for number in range(200)])) == reports.MAX_NEEDS
    assert mentioned(["Helper"], build("/gone.exe", "2")) == ()
    with pytest.raises(Malformed, match="expected a text"):
        Needs.read({"generation": "1", "names": [7]})


def test_a_worker_has_run_only_what_it_has_loaded_and_its_client_knows() -> None:
    holdings, known, other = Holdings(), build("/x.exe", "1"), build("/y.exe", "2")
    said = {"loaded": {"/x.exe": known.id}, "ran": {"/x.exe": known.id, "/y.exe": other.id, "/z.exe": "unknown"}}

    reports.note(holdings, Report.read(REPORT | said), {known.id: known, other.id: other})

    assert holdings.loaded == {"/x.exe": known}
    assert holdings.ran == {"/x.exe": known.id}


def test_counts_of_a_report_are_taken_when_they_grow() -> None:
    holdings = Holdings()

    reports.note(holdings, Report.read(REPORT), {})

    assert (holdings.execs, holdings.loads, holdings.retire_reason) == (2, 3, "threads")
    assert holdings.bound == {"H": "x"}


def test_the_reason_of_an_end_names_the_call_where_there_is_one() -> None:
    assert reports.reason("stuck", "a@b") == "stuck (Call-ID a@b)"
    assert reports.reason("stuck", None) == "stuck"
