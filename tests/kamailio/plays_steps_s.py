# ruff: noqa: ANN001 - KSR has no types
# mypy: disable-error-code="import-not-found, no-untyped-def, no-untyped-call"
"""As plays_steps.py, for app_python3s: a function of the file, and no message but the one of app_mono_s.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "kamailio"))

import app_mono_s
import plays_steps


def play(file):
    return plays_steps.Player().play(app_mono_s.MESSAGE, file)
