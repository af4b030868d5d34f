"""Where things are that tests use."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
SHELF = ROOT / "tests" / "shelf"
OLD_SR = ROOT / "tests" / "worker" / "OldSR.cs"
MESSAGE = ROOT / "examples" / "messages" / "invite.sip"
INVITE = MESSAGE.read_bytes()
