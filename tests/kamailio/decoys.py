"""Another program's package with the name of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def decoy(place: Path) -> Path:
    """A package ``runner`` in a directory that is on some path; its ``__init__.py``."""
    package = place / "runner"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("IS_DECOY = True\n", "ascii")
    return package / "__init__.py"
