"""
The change of a kamailio.cfg that used ``app_mono``, so that its scripts run in worker processes.

Must not start anything or talk to a user; Kamailio's own rules for its configuration are those of version 5.6.3.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .calls import directories
from .change import Change
from .daemon_settings import processes, toml
from .sources import Finding, Source, encode, read_all, replace, write
from .unquoted import unquoted

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Finding", "Migration", "diff", "encode", "migrate", "replace", "warnings", "write"]

LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Migration:
    """What a configuration becomes. Nothing is written."""

    changed: tuple[tuple[Source, str], ...]
    """The files that change, and their new text."""
    findings: tuple[Finding, ...]
    """What the operator has to do (``is_open``), and what is worth knowing."""
    settings: str
    """The daemon's ``app-mono.toml``; "" when nothing of app_mono was found."""
    calls: int
    """How many calls were translated."""

    @property
    def open(self) -> tuple[Finding, ...]:
        """What could not be translated."""
        return tuple(finding for finding in self.findings if finding.is_open)


def migrate(path: Path, *, script: Path, config: Path, follow: bool = False) -> Migration:
    """
    Find what a configuration has to change.

    Args:
        path: The kamailio.cfg.
        script: ``app_mono.py``, which app_python3 is to load.
        config: Where the daemon's settings will lie, as comments name it.
        follow: Change included files as well.

    Raises:
        ConfigError: A file cannot be read.
    """
    sources, names, findings = read_all(path, follow=follow)
    change = Change(sources, names, script, config)
    changed = tuple((source, text) for source in sources if (text := change.changed(source)) != source.text)
    findings += change.findings
    findings += unquoted(sources, names)
    settings = ""
    if changed or change.findings:
        load = next(iter(change.wanted.loads), None)
        found, unclear = directories([*change.wanted.loads, *change.wanted.paths])
        settings = toml(found, load, processes(sources))
        known = {finding.text for finding in findings}
        for each in unclear:
            text = f"{each!r} does not begin with a directory: write the whole path, and its directory to script_dirs"
            if text not in known:
                known.add(text)
                findings.append(Finding(path, _line_with(sources[0], each), text))
    findings.sort(key=lambda finding: (str(finding.file), finding.line))
    return Migration(changed, tuple(findings), settings, change.calls)


def warnings(path: Path) -> list[Finding]:
    """
    What is risky in a configuration as it is, included files as well.

    Raises:
        ConfigError: A file cannot be read.
    """
    sources, names, _ = read_all(path, follow=True)
    return unquoted(sources, names)


def diff(name: str, before: str, after: str, *, is_new: bool = False) -> list[str]:
    """A unified diff that ``patch -p0`` takes; lines without their ends."""
    lines = difflib.unified_diff(
        LINE.findall(before),
        LINE.findall(after),
        "/dev/null" if is_new else name,
        name,
    )
    out: list[str] = []
    for line in lines:
        out.append(line.removesuffix("\n"))
        if not line.endswith("\n"):
            out.append("\\ No newline at end of file")
    return out


def _line_with(source: Source, path: str) -> int:
    at = source.text.find(path)
    return source.line(at) if at >= 0 else 1
