"""
Which lane runs here: the one in C where it was built and loads, else the one in Python, which does the same.

``APP_MONO_LANE`` in the environment may say ``python`` or ``c``. Where the one in C is wanted and cannot be had, the
one in Python runs, and ``FAULT`` says why: no call may fail because a library is missing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import lane
from .building import FOLDER, LIBRARY, digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

VARIABLE = "APP_MONO_LANE"
NAMES = ("python", "c")


def _compiled(wanted: str) -> tuple[ModuleType | None, str]:
    """The module in C, or why it is not taken."""
    if wanted == "python":
        return None, f"{VARIABLE} is python"
    try:
        from . import _lane  # noqa: PLC0415  # where it is not wanted it is not loaded
    except ImportError as error:
        is_there = (FOLDER / LIBRARY).exists()
        return None, f"{FOLDER / LIBRARY} does not load: {error}" if is_there else f"there is no {FOLDER / LIBRARY}"
    if digest() not in {"", _lane.SOURCES}:
        return None, f"{FOLDER / LIBRARY} was built from other sources"
    return _lane, ""


_wanted = os.environ.get(VARIABLE, "")
_lane, WHY = _compiled(_wanted)
"""Why the lane in C does not run; empty when it does."""
FAULT = ""
"""What is wrong with the wish in ``APP_MONO_LANE``; empty for nothing."""
if _wanted not in {"", *NAMES}:
    FAULT = f"{VARIABLE}: expected {' or '.join(NAMES)}, got {_wanted[:80]!r}"
elif _wanted == "c" and WHY:
    FAULT = f"{VARIABLE} is c, and {WHY}: `make build` builds it where gcc and python3-dev are"
NAME = "python" if _lane is None else "c"
"""Of ``NAMES``."""

Lane: Any = lane.Lane if _lane is None else _lane.Lane
"""The lane of one build in one worker; ``lane.Lane`` describes it."""
Looks: Any = None if _lane is None else _lane.Looks
"""``Looks(((path, stamp, is_link), ...))`` looks at files: ``hold``, ``holding``. None without the lane in C."""
Exported: Any = None if _lane is None else _lane.Exported
"""What app_python3 calls, see ``_exported.c``. None without the lane in C."""
AtOnce: Any = None if _lane is None else _lane.AtOnce
"""The common exec of a ``Runner``, see ``_at_once.c``. None without the lane in C."""
process: Callable[[], int] = os.getpid if _lane is None else _lane.process
"""Gives a number that differs in a forked child, at little cost."""
