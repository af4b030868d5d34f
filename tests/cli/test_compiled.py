"""What ``app-mono build`` compiles, and what it says of it."""

from __future__ import annotations

from tests.cli.commands import app_mono


def test_build_says_what_is_up_to_date() -> None:
    app_mono("build")

    assert app_mono("build").stdout.endswith("build/SR.dll and SRBridge.exe up to date\n")
