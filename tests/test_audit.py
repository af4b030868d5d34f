"""tools.audit: what it makes of pip-audit's answers."""

from __future__ import annotations

import json

import pytest

from tools.audit import SAFE, UNKNOWN, VULNERABLE, judge

FINE = {"name": "rich", "version": "15.0.0", "vulns": []}
FAULT = {"id": "PYSEC-2026-1", "fix_versions": ["2.1"], "description": "", "aliases": []}
BAD = {"name": "idna", "version": "2.0", "vulns": [FAULT]}
SKIPPED = {"name": "typer", "skip_reason": "Dependency not found on PyPI"}
OURS = {"name": "app-mono", "skip_reason": "Dependency not found on PyPI"}


def told(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_packages_without_known_faults_are_sound_and_those_not_asked_are_named() -> None:
    verdict = judge(told(FINE, OURS, SKIPPED), "")

    assert verdict.status == SAFE
    assert verdict.lines == [
        "audit: no known vulnerability in 1 packages",
        "not audited, because PyPI does not have them: typer",
    ]


def test_each_fault_is_a_line_with_what_mends_it() -> None:
    verdict = judge(told(FINE, BAD), "")

    assert verdict.status == VULNERABLE
    assert verdict.lines[0] == "idna 2.0: PYSEC-2026-1, fixed in 2.1"


@pytest.mark.parametrize(
    ("answer", "errors", "why"),
    [
        (told(SKIPPED, OURS), "No known vulnerabilities found", "knows none of the 1 packages"),
        ("", "Traceback\nProxyError: Unable to connect to proxy\n", "ProxyError: Unable to connect to proxy"),
        ("", "", "no reason given"),
    ],
)
def test_an_answer_about_no_package_is_no_answer(answer: str, errors: str, why: str) -> None:
    """pip-audit says "No known vulnerabilities found" and ends with 0 when a mirror of PyPI knew no package."""
    verdict = judge(answer, errors)

    assert verdict.status == UNKNOWN
    assert why in verdict.lines[0]
