"""
``app-mono migrate``: show or make the change of a kamailio.cfg that used app_mono.

Must not know how a configuration is read.
"""

from __future__ import annotations

import os
from pathlib import Path

from runner import installed
from runner import migrate as change
from runner.errors import ConfigError

from . import show

TRANSLATED, LEFT, NOTHING = 0, 1, 3


def carry_out(cfg: Path, *, write: bool, follow: bool, settings: Path | None) -> int:
    """
    Show the change as one patch on standard output, or make it; what is left to the operator goes to standard error.

    Returns:
        The exit status: 0 all was translated, 1 something is left to the operator, 3 there was nothing of app_mono.

    Raises:
        ConfigError: A file cannot be read or written.
    """
    found = change.migrate(cfg, script=installed.script(), config=installed.CONFIG, follow=follow)
    for finding in found.findings:
        show.located(str(finding.file), finding.line, finding.text, is_error=finding.is_open)
    if not found.changed and not found.open:
        show.note(f"{cfg} does not use app_mono")
        return NOTHING
    target = settings or cfg.parent / "app-mono.toml"
    is_new = not target.exists()
    if write:
        _write(found, target, is_new=is_new)
    else:
        for source, text in found.changed:
            show.patch(change.diff(str(source.path), source.text, text))
        if is_new:
            show.patch(change.diff(str(target), "", found.settings, is_new=True))
    if not is_new:
        show.note(f"{target} already exists and is left unchanged; this configuration needs:")
        for line in found.settings.splitlines():
            show.note(f"  {line}")
    calls = f"{found.calls} call{'' if found.calls == 1 else 's'} of app_mono translated"
    show.note(f"{calls}, {len(found.open)} left to you" if found.open else f"{calls}, nothing is left to you")
    return LEFT if found.open else TRANSLATED


def _write(found: change.Migration, target: Path, *, is_new: bool) -> None:
    kept = [Path(f"{source.path}.bak") for source, _ in found.changed]
    for each in kept:
        if os.path.lexists(each):
            raise ConfigError(f"{each} already exists, from an earlier change: move it away first")
    for source, text in found.changed:
        kept_file = change.write(source, text)
        show.line(f"{source.path} changed; the old file is {kept_file}")
    if is_new:
        try:
            change.replace(target, change.encode(found.settings))
        except OSError as error:
            raise ConfigError(f"{target}: cannot be written: {error.strerror}") from error
        hint = "" if target == installed.CONFIG else f"; it belongs to {installed.CONFIG}"
        show.line(f"{target} written{hint}")
