"""Where things are that tests use."""

from __future__ import annotations

import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHELF = ROOT / "tests" / "shelf"
OLD_SR = ROOT / "tests" / "worker" / "OldSR.cs"
MESSAGE = ROOT / "examples" / "messages" / "invite.sip"
INVITE = MESSAGE.read_bytes()


def opened(directory: Path) -> None:
    """Let everyone enter a directory, and those that it lies in below the one for temporary files."""
    for place in (directory, *directory.parents):
        if place == Path(tempfile.gettempdir()):
            return
        place.chmod(0o755)
