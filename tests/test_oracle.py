"""The embedded host against recorded answers of a real Kamailio 5.6.3 with app_mono."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT
from tools import oracle

SAMPLE = Path(__file__).parent / "oracle-sample.jsonl"

# Facts of the sample that are deliberately not met: id of the case, and what of it. docs/deviations.md has the reasons.
DEVIATIONS: frozenset[tuple[str, str]] = frozenset()

READS_ONLY = """
import sys
from pathlib import Path

from tests.places import ROOT

from tools import oracle

opened = []
sys.addaudithook(lambda event, args: opened.append(args) if event == "open" else None)
status = oracle.main([sys.argv[1]])
written = [path for path, mode, flags in opened if mode is not None and set(mode) & set("wax+")]
print({str(path) for path, _, _ in opened if not str(path).endswith((".py", ".pyc"))}, written, file=sys.stderr)
sys.exit(status)
"""


def cases_by_group() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        found.setdefault(json.loads(line)["group"], []).append(line)
    return found


CASES = cases_by_group()


@pytest.mark.parametrize("group", CASES)
def test_the_host_answers_as_kamailio_did(group: str) -> None:
    facts = [fact for line in CASES[group] for fact in oracle.run_case(json.loads(line))]
    wrong = [fact for fact in facts if fact is not None and (fact.case_id, fact.what) not in DEVIATIONS]

    assert not wrong, "\n".join(map(str, wrong))


def test_an_answer_that_differs_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = json.loads(CASES["modf"][0])
    case["steps"] = [{"op": "GetS", "args": ["$rv"], "ret": "SIP/3.0"}]
    (tmp_path / "one.jsonl").write_text(json.dumps(case) + "\n", encoding="utf-8")

    assert oracle.main([str(tmp_path / "one.jsonl")]) == 1
    assert "expected 'SIP/3.0'\n    got      'SIP/2.0'" in capsys.readouterr().out


def test_nothing_but_the_given_file_is_read(tmp_path: Path) -> None:
    """The same command judges with a recording that is kept back, so it must not know another one."""
    given = tmp_path / "given.jsonl"
    given.write_text(CASES["modf"][0] + "\n", encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-c", READS_ONLY, str(given)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )

    assert (done.returncode, done.stderr.strip()) == (0, f"{ {str(given)} } []")
