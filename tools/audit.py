"""
``make audit``: known vulnerabilities of the installed packages, which pip-audit looks up on PyPI.

``python -m tools.audit``. Exit status 0: none is known for the packages that PyPI has; 1: there are some, one a line;
2: there was no answer, for example because there is no network, or only a mirror of PyPI that knows none of the
packages. pip-audit itself calls the latter "No known vulnerabilities found".
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from typing import NamedTuple

from tests.places import ROOT

PLACE = ROOT / ".venv-audit"  # so that what it needs is neither audited nor in our way
LOCK = ROOT / "requirements" / "audit.txt"
OURS = "app-mono"
TRY_S = 5
SAFE, VULNERABLE, UNKNOWN = 0, 1, 2


class Verdict(NamedTuple):
    """The result of the audit: an exit status, and the lines to print."""

    status: int
    lines: list[str]


def main() -> int:
    """Install pip-audit where it is missing, run it, and print the result."""
    for step in (install, look_up):
        verdict = step()
        if verdict.lines:
            print(*verdict.lines, sep="\n")  # noqa: T201  # a command
        if verdict.status != SAFE:
            break
    return verdict.status


def install() -> Verdict:
    """Install pip-audit into an environment of its own, unless it is there."""
    if (PLACE / "bin" / "pip-audit").exists():
        return Verdict(SAFE, [])
    quickly = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", str(TRY_S)]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(PLACE)],
        [str(PLACE / "bin" / "python"), "-m", "pip", "install", *quickly, "--require-hashes", "-r", str(LOCK)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return unknown(f"pip-audit cannot be installed: {_last(done.stderr)}")
    return Verdict(SAFE, [])


def look_up() -> Verdict:
    """Run pip-audit over the packages of this environment."""
    command = [str(PLACE / "bin" / "pip-audit"), "--format", "json", "--progress-spinner", "off"]
    command += ["--timeout", str(TRY_S), "--path", sysconfig.get_path("purelib")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return judge(done.stdout, done.stderr)


def judge(output: str, errors: str) -> Verdict:
    """The verdict that pip-audit's JSON means; where ``output`` is no JSON, ``errors`` has the reason."""
    try:
        packages = [package for package in json.loads(output)["dependencies"] if package["name"] != OURS]
    except (ValueError, KeyError, TypeError):
        return unknown(_last(errors))
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    faults = [(package, fault) for package in packages for fault in package.get("vulns", ())]
    if len(skipped) == len(packages):
        return unknown(f"it knows none of the {len(packages)} packages; perhaps it is a mirror of PyPI")
    known = len(packages) - len(skipped)
    beside = [f"not audited, because PyPI does not have them: {', '.join(skipped)}"] if skipped else []
    if not faults:
        return Verdict(SAFE, [f"audit: no known vulnerability in {known} packages", *beside])
    lines = []
    for package, fault in faults:
        fixed = " or ".join(fault["fix_versions"]) or "no version yet"
        lines.append(f"{package['name']} {package['version']}: {fault['id']}, fixed in {fixed}")
    return Verdict(VULNERABLE, [*lines, f"audit: {len(faults)} known vulnerabilities in {known} packages", *beside])


def unknown(why: str) -> Verdict:
    """The verdict without an answer of PyPI."""
    return Verdict(UNKNOWN, [f"audit: PyPI gave no answer, so nothing is known: {why}"])


def _last(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given")


if __name__ == "__main__":
    sys.exit(main())
