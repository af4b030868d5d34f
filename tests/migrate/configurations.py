"""Migrations of a small kamailio.cfg, and what is left of it to do."""

from __future__ import annotations

from pathlib import Path

from runner.migrate import Migration, migrate

SCRIPT = Path("/opt/app_mono.py")
CONFIG = Path("/etc/app-mono/app-mono.toml")


def changed(directory: Path, text: str, *, follow: bool = False) -> tuple[str, Migration]:
    path = directory / "kamailio.cfg"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    found = migrate(path, script=SCRIPT, config=CONFIG, follow=follow)
    new = next((new for source, new in found.changed if source.path == path), text)
    return new, found


def call(directory: Path, text: str) -> str:
    """One call in a route, translated with nothing left open but a path's directory."""
    new, found = changed(directory, f"route {{ {text}; }}")
    assert [finding.text for finding in found.open if "does not begin with a directory" not in finding.text] == []
    return new.removeprefix("route { ").removesuffix("; }")


def left(directory: Path, text: str) -> list[tuple[int, str]]:
    _, found = changed(directory, text)
    return [(finding.line, finding.text) for finding in found.open]
