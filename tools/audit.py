"""
``make audit``: known faults of the packages that are installed, asked of PyPI by pip-audit.

``python -m tools.audit``. Exit status 0: none is known of the packages that PyPI was asked for; 1: there are some, each
with its line; 2: nobody could be asked, for one because there is no network, or a mirror of PyPI that knows no package.
pip-audit itself calls the latter "No known vulnerabilities found".
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
SOUND, FAULTY, NOBODY = 0, 1, 2


class Verdict(NamedTuple):
    """What the audit came to: an exit status and the lines that say it."""

    status: int
    lines: list[str]


def main() -> int:
    """Install pip-audit where it is missing, ask, and print what came."""
    for step in (install, ask):
        verdict = step()
        if verdict.lines:
            print(*verdict.lines, sep="\n")  # noqa: T201  # a command
        if verdict.status != SOUND:
            break
    return verdict.status


def install() -> Verdict:
    """Have pip-audit in an environment of its own."""
    if (PLACE / "bin" / "pip-audit").exists():
        return Verdict(SOUND, [])
    quickly = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", str(TRY_S)]
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(PLACE)],
        [str(PLACE / "bin" / "python"), "-m", "pip", "install", *quickly, "--require-hashes", "-r", str(LOCK)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return nobody(f"pip-audit cannot be installed: {_last(done.stderr)}")
    return Verdict(SOUND, [])


def ask() -> Verdict:
    """Run pip-audit over the packages of this environment."""
    command = [str(PLACE / "bin" / "pip-audit"), "--format", "json", "--progress-spinner", "off"]
    command += ["--timeout", str(TRY_S), "--path", sysconfig.get_path("purelib")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return judge(done.stdout, done.stderr)


def judge(told: str, errors: str) -> Verdict:
    """What pip-audit's JSON says; when it is none, ``errors`` has the reason."""
    try:
        packages = [package for package in json.loads(told)["dependencies"] if package["name"] != OURS]
    except (ValueError, KeyError, TypeError):
        return nobody(_last(errors))
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    faults = [(package, fault) for package in packages for fault in package.get("vulns", ())]
    if len(skipped) == len(packages):
        return nobody(f"it knows none of the {len(packages)} packages; a mirror of PyPI, perhaps")
    asked = len(packages) - len(skipped)
    beside = [f"not asked, unknown there: {', '.join(skipped)}"] if skipped else []
    if not faults:
        return Verdict(SOUND, [f"audit: no known fault in {asked} packages", *beside])
    lines = []
    for package, fault in faults:
        mended = " or ".join(fault["fix_versions"]) or "no version yet"
        lines.append(f"{package['name']} {package['version']}: {fault['id']}, mended in {mended}")
    return Verdict(FAULTY, [*lines, f"audit: {len(faults)} known faults in {asked} packages", *beside])


def nobody(why: str) -> Verdict:
    """The verdict when no answer could be had."""
    return Verdict(NOBODY, [f"audit: nobody could be asked, so nothing is known: {why}"])


def _last(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given")


if __name__ == "__main__":
    sys.exit(main())
