"""runner.settings: names, ranges and where a value came from."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from runner.errors import ConfigError
from runner.settings import NEEDS_RESTART, READ_BY_KAMAILIO, ListenerSettings, Settings
from runner.settings.__main__ import texts_of
from runner.settings.origins import MOVED, REMOVED
from tests.places import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_defaults_are_valid_and_an_exec_stays_below_t1() -> None:
    settings = Settings()

    assert (settings.num_workers, settings.max_workers, settings.load) == (1, 4, None)
    assert settings.exec_timeout_s < 0.5


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_workers": -1}, "argument num_workers: should be greater than or equal to 0, but -1 came"),
        ({"max_workers": 0}, "max_workers = 0 leaves nobody to run a script: set nats as well"),
        ({"max_workers": -1}, "argument max_workers"),
        ({"nats": ["http://n1"]}, "argument nats.0: expected a URL such as nats://"),
        (
            {"nats": ["nats://sip:a@n1", "nats://node:b@n2"]},
            "argument nats: expected the same user in all URLs, but 'node', 'sip' came$",
        ),
        ({"exec_timeout_s": 0}, "argument exec_timeout_s: should be greater than 0, but 0 came"),
        ({"ttl_s": float("nan")}, "argument ttl_s"),
        ({"ttl_s": float("inf")}, "argument ttl_s"),
        (
            {"ksr_allow": ["exec.exce_cmd"]},
            "argument ksr_allow.0: 'exec.exce_cmd' is no function that is refused; did you mean 'exec.exec_cmd'?",
        ),
        ({"ksr_allow": ["corex.*", "tm.t_relay"]}, "argument ksr_allow.1: 'tm.t_relay' is allowed already"),
        (
            {"hash_tables": ["a=>b"]},
            "argument hash_tables.0: expected a name of letters, digits and _, but 'a=>b' came",
        ),
        ({"ksr_allow": ["x.modf"]}, "argument ksr_allow.0: 'x.modf' cannot be allowed"),
        (
            {"kemi_on_error": "Sorry"},
            "argument kemi_on_error: expected a code from 300 to 699 and a reason, but 'Sorry' came",
        ),
        ({"statics": "new"}, "argument statics: should be 'kept' or 'fresh', but 'new' came"),
        ({"num_workers": 5}, r"max_workers \(4\) should be at least num_workers \(5\)"),
        ({"mono": ""}, "argument mono"),
    ],
)
def test_a_bad_value_is_refused_with_what_was_expected_and_what_came(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Settings(**arguments)


@pytest.mark.parametrize("content", [b"num_workers 2", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=r"x\.toml: expected TOML"):
        Settings.from_file(path)


def test_refused_functions_of_kamailio_can_be_allowed_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text('ksr_allow = ["exec.*", "corex.file_read"]', encoding="utf-8")

    assert Settings.from_file(file).ksr_allow == ("exec.*", "corex.file_read")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Settings.from_file(tmp_path / "none.toml")


def test_spare_workers_stay_within_max_workers() -> None:
    assert Settings().warm_workers == 2
    assert Settings(num_workers=4, spare_workers=3).warm_workers == 4


def test_options_of_the_listener_are_in_a_table(file: Path) -> None:
    file.write_text('[listener]\non_true = "drop"\n')

    assert Settings.from_file(file).listener == ListenerSettings(on_true="drop", on_false="reply:403:Forbidden")


def test_every_setting_says_what_it_means_and_who_needs_it() -> None:
    texts = texts_of(Settings)
    for name in Settings.model_fields:
        meaning, _, who = texts[name].partition("\n\n")
        assert meaning.endswith("."), name
        assert who.endswith("."), name


def test_sets_and_tables_of_names_hold_names_of_settings() -> None:
    assert Settings.model_fields.keys() >= {*NEEDS_RESTART, *READ_BY_KAMAILIO, *MOVED.values()}
    assert not Settings.model_fields.keys() & {*REMOVED, *MOVED}


def test_what_kamailio_reads_is_what_its_side_has_defaults_for() -> None:
    tree = ast.parse((ROOT / "kamailio" / "app_mono.py").read_text(encoding="utf-8"))
    (defaults,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and "DEFAULTS" in ast.unparse(node).partition("=")[0]
    )
    assert isinstance(defaults, ast.Dict)

    assert {ast.literal_eval(key) for key in defaults.keys if key} == READ_BY_KAMAILIO
