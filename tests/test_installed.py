"""runner.installed: where this package and Kamailio's modules lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner import installed
from runner.errors import ConfigError
from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two directories in which Kamailio's modules may lie, the first one coming first."""
    found = [tmp_path / "a", tmp_path / "b"]
    monkeypatch.setattr(installed, "MODULES", tuple(map(str, found)))
    return found


def put(place: Path, *modules: str) -> None:
    place.mkdir(exist_ok=True)
    for module in modules:
        (place / f"{module}.so").touch()


def package_in(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "__file__", str(place / "runner" / "installed.py"))


def test_in_a_checkout_the_kamailio_side_lies_beside_the_package() -> None:
    assert installed.kamailio_side() == ROOT / "kamailio"
    assert installed.script() == ROOT / "kamailio" / "app_mono.py"
    assert installed.script(installed.APP_PYTHON3S) == ROOT / "kamailio" / "app_mono_s.py"
    assert installed.script().is_file()
    assert installed.script(installed.APP_PYTHON3S).is_file()


def test_of_an_installed_package_it_lies_in_the_share_of_its_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package_in(tmp_path / "opt" / "lib" / "python3.13" / "site-packages", monkeypatch)
    shared = tmp_path / "opt" / "share" / "app-mono" / "kamailio"
    shared.mkdir(parents=True)
    (shared / "minimal.cfg").touch()

    assert installed.kamailio_side() == shared


def test_a_package_without_it_is_to_be_installed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package_in(tmp_path, monkeypatch)

    with pytest.raises(ConfigError, match="reinstall app-mono"):
        installed.kamailio_side()


def test_modules_lie_where_app_python3_does(places: list[Path]) -> None:
    first, second = places
    put(first, "sl", "app_python3s")
    put(second, "app_python3")

    assert installed.modules() == second
    assert installed.module() == installed.APP_PYTHON3


def test_where_app_python3s_alone_is_there_it_is_the_module(places: list[Path]) -> None:
    first, second = places
    put(first, "sl")
    put(second, "app_python3s")

    assert installed.modules() == second
    assert installed.module() == installed.APP_PYTHON3S


def test_without_either_other_modules_say_the_place(places: list[Path]) -> None:
    assert installed.modules() is None
    assert installed.module() == installed.APP_PYTHON3

    put(places[1], "sl")

    assert installed.modules() == places[1]
    assert installed.module() == installed.APP_PYTHON3


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
