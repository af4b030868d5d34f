"""Where things are that tests use."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
SHELF = ROOT / "tests" / "shelf"
MESSAGE = ROOT / "examples" / "messages" / "invite.sip"
