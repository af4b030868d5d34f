"""runner.settings: names, ranges and where a value came from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from runner.errors import ConfigError
from runner.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("APP_MONO_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app-mono.toml"
    path.write_text('num_workers = 2\nmax_workers = 6\nstatics = "fresh"\n')
    return path


def test_the_defaults_are_valid_and_an_exec_stays_below_t1() -> None:
    settings = Settings()

    assert (settings.num_workers, settings.max_workers, settings.load) == (1, 4, None)
    assert settings.exec_timeout_s < 0.5
    assert settings.max_line_bytes == 8 * 1024 * 1024


def test_arguments_outweigh_the_environment_which_outweighs_the_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_MONO_MAX_WORKERS", "7")
    monkeypatch.setenv("APP_MONO_TTL_S", "30")

    settings = Settings.from_file(file, ttl_s=5)

    assert (settings.num_workers, settings.max_workers, settings.ttl_s) == (2, 7, 5)
    assert settings.statics == "fresh"


def test_an_empty_variable_counts_as_not_set(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_MONO_MAX_WORKERS", "")

    assert Settings.from_file(file).max_workers == 6


def test_settings_cannot_be_changed() -> None:
    settings = Settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.num_workers = 3


def test_an_unknown_argument_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"argument max_worker: .*did you mean max_workers\?"):
        Settings(max_worker=3)


def test_an_unknown_key_is_refused_with_the_file_and_the_nearest_name(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("idle_ttl = 3\n")

    with pytest.raises(ConfigError, match=r"x\.toml: idle_ttl: .*did you mean idle_ttl_s\?"):
        Settings.from_file(path)


def test_an_unknown_variable_is_refused_with_the_nearest_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_MONO_NUM_WORKER", "3")

    with pytest.raises(ConfigError, match=r"variable APP_MONO_NUM_WORKER: .*did you mean APP_MONO_NUM_WORKERS\?"):
        Settings()


def test_a_name_like_no_other_is_refused_without_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"no such setting$"):
        Settings(zzz=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_workers": -1}, "argument num_workers: should be greater than or equal to 0, but -1 came"),
        ({"max_workers": 0}, "argument max_workers"),
        ({"exec_timeout_s": 0}, "argument exec_timeout_s: should be greater than 0, but 0 came"),
        ({"ttl_s": float("nan")}, "argument ttl_s"),
        ({"ttl_s": float("inf")}, "argument ttl_s"),
        ({"statics": "new"}, "argument statics: should be 'kept' or 'fresh', but 'new' came"),
        ({"num_workers": 5}, r"max_workers \(4\) should be at least num_workers \(5\)"),
        ({"mono": ""}, "argument mono"),
        ({"max_jobs_jitter": 1}, "argument max_jobs_jitter"),
    ],
)
def test_a_bad_value_is_refused_with_what_was_expected_and_what_came(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings(**arguments)


def test_a_bad_value_names_the_place_it_came_from(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("max_queue_size = -2\n")
    monkeypatch.setenv("APP_MONO_MAX_LOADS", "many")

    with pytest.raises(ConfigError) as caught:
        Settings.from_file(file)

    assert "app-mono.toml: max_queue_size: should be greater than or equal to 0, but -2 came" in str(caught.value)
    assert "environment variable APP_MONO_MAX_LOADS: should be a valid integer" in str(caught.value)


@pytest.mark.parametrize("content", [b"num_workers 2", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"x\.toml: expected TOML"):
        Settings.from_file(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Settings.from_file(tmp_path / "none.toml")


def test_spare_workers_stay_within_max_workers() -> None:
    assert Settings().warm_workers == 2
    assert Settings(num_workers=4, spare_workers=3).warm_workers == 4


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for field in Settings.model_fields.values())
