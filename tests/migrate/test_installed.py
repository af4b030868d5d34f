"""Which Kamailio is installed, as its program says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.migrate import installed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def asked_again() -> Iterator[None]:
    installed.version.cache_clear()
    yield
    installed.version.cache_clear()


def program(directory: Path, says: str) -> None:
    file = directory / "kamailio"
    file.write_text(f"#!/bin/sh\n{says}\n", encoding="utf-8")
    file.chmod(0o755)


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ("version: kamailio 5.6.3 (x86_64/linux) ", "5.6"),
        ("version: kamailio 5.8.4 (x86_64/linux) a1b2c3", "5.6"),
        ("version: kamailio 6.0.1 (x86_64/linux) ", "6.0"),
        ("version: kamailio 6.1.0-dev1 (aarch64/linux) ", "6.0"),
        ("version: kamailio 10.2.0 (x86_64/linux) ", "6.0"),
        ("version: kamailio 4.4.0 (x86_64/linux) ", "5.6"),
        ("something else", "5.6"),
    ],
)
def test_the_nearest_version_that_is_not_above_the_installed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str, version: str
) -> None:
    program(tmp_path, f"echo '{told}'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert installed.version() == version


def test_it_is_5_6_where_the_program_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "exit 3")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert installed.version() == "5.6"


def test_the_program_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, f"echo x >> {tmp_path}/asked; echo 'version: kamailio 6.0.1'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    assert [installed.version(), installed.version()] == ["6.0", "6.0"]
    assert (tmp_path / "asked").read_text(encoding="utf-8") == "x\n"
