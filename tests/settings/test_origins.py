"""runner.settings.origins: where a value came from, and what became of the settings of earlier versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ConfigError
from runner.settings import ListenerSettings, Settings
from runner.settings.origins import REMOVED

if TYPE_CHECKING:
    from pathlib import Path


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


def test_the_variable_that_names_the_file_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has to be set for Kamailio; where a shell had it too, every command was refused."""
    monkeypatch.setenv("APP_MONO_CONFIG", "/etc/app-mono/own.toml")

    assert Settings().max_workers == 4


def test_a_name_like_no_other_is_refused_without_a_hint() -> None:
    with pytest.raises(ConfigError, match=r"no such setting$"):
        Settings(zzz=1)


def test_a_bad_value_names_the_place_it_came_from(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("max_queue_size = -2\n")
    monkeypatch.setenv("APP_MONO_MAX_LOADS", "many")

    with pytest.raises(ConfigError) as caught:
        Settings.from_file(file)

    assert "app-mono.toml: max_queue_size: should be greater than or equal to 0, but -2 came" in str(caught.value)
    assert "environment variable APP_MONO_MAX_LOADS: should be a valid integer" in str(caught.value)


@pytest.mark.parametrize("name", REMOVED)
def test_a_setting_of_an_earlier_version_is_a_warning_that_says_what_became_of_it(
    file: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """A daemon that was upgraded has to start, with the file of the version before."""
    file.write_text(f"{name} = 1\nnum_workers = 2\n")

    assert Settings.from_file(file).num_workers == 2
    assert f"app-mono.toml: {name}: remove it, it has no effect any more: {REMOVED[name]}" in caplog.text


def test_such_a_variable_is_a_warning_too(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_MONO_MAX_SCRIPT_MIB", "3")
    Settings()

    assert "environment variable APP_MONO_MAX_SCRIPT_MIB: remove it" in caplog.text


def test_such_an_argument_is_refused_with_what_became_of_it() -> None:
    with pytest.raises(ConfigError, match="argument poison_within_s: there is no such setting any more: lost workers"):
        Settings(poison_within_s=3)


def test_options_of_the_listener_still_count_outside_of_their_table(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('on_true = "drop"\n[listener]\non_false = "drop"\n')
    assert Settings.from_file(file).listener == ListenerSettings(on_true="drop", on_false="drop")
    assert "app-mono.toml: on_true: move it to the table [listener]" in caplog.text

    monkeypatch.setenv("APP_MONO_ON_TRUE", "reply:404:Gone")
    assert Settings().listener.on_true == "reply:404:Gone"


def test_an_old_name_in_the_environment_still_outweighs_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's table won, whatever the variable said."""
    file.write_text('[listener]\non_true = "drop"\non_false = "drop"\n')
    monkeypatch.setenv("APP_MONO_ON_TRUE", "reply:404:Gone")

    assert Settings.from_file(file).listener == ListenerSettings(on_true="reply:404:Gone", on_false="drop")


def test_a_variable_for_the_table_outweighs_old_names_in_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('on_true = "drop"\n')
    monkeypatch.setenv("APP_MONO_LISTENER", '{"on_true": "reply:404:Gone"}')

    assert Settings.from_file(file).listener.on_true == "reply:404:Gone"


def test_a_listener_that_is_no_table_is_a_clear_error_beside_an_old_name(file: Path) -> None:
    file.write_text('on_true = "drop"\nlistener = "x"\n')

    with pytest.raises(ConfigError, match="listener: "):
        Settings.from_file(file)


def test_a_bad_name_or_value_in_a_table_is_named_with_its_table(file: Path) -> None:
    file.write_text('[listener]\non_treu = "drop"\n[scripts."/x.exe"]\non_busy = 3\n')

    with pytest.raises(ConfigError) as caught:
        Settings.from_file(file)

    assert "app-mono.toml: listener.on_treu: there is no such setting" in str(caught.value)
    assert "app-mono.toml: scripts./x.exe.on_busy: should be a valid boolean" in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("WORKER_ENV", "HOME"),
        ("SCRIPT_DIRS", "/srv"),
        ("LISTENER", "drop"),
        ("KSR_ALLOW", '["exec.*"'),
        ("NATS", "nats://a:secret@n1"),
    ],
)
def test_a_variable_for_a_list_or_a_table_that_is_no_json_is_refused_without_what_it_said(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    """Some of them gave a traceback, as nothing caught what pydantic-settings raised."""
    monkeypatch.setenv(f"APP_MONO_{variable}", text)

    with pytest.raises(
        ConfigError, match=f"^environment variable APP_MONO_{variable}: expected a list or a table"
    ) as caught:
        Settings()

    assert text not in str(caught.value)


def test_a_table_in_a_variable_and_one_of_an_argument_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_MONO_LISTENER", '{"on_true": "drop", "on_false": "drop"}')
    monkeypatch.setenv("APP_MONO_SCRIPT_DIRS", '["/srv"]')
    monkeypatch.setenv("APP_MONO_HTTP", "[::1]:9464")

    settings = Settings(listener={"on_true": "forward"})

    assert settings.listener == ListenerSettings(on_true="forward", on_false="drop")
    assert (list(map(str, settings.script_dirs or ())), settings.http) == (["/srv"], "[::1]:9464")
