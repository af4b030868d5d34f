"""The page docs/settings.md."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runner.settings import ListenerSettings, RuntimeSettings, ScriptSettings, Settings
from runner.settings.__main__ import _cell, default_of, page
from runner.settings.origins import MOVED, REMOVED
from tests.places import ROOT


def test_the_page_of_settings_is_current() -> None:
    """`python -m runner.settings > docs/settings.md` writes it."""
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page()


def test_the_command_prints_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "runner.settings"], capture_output=True, cwd=ROOT, timeout=60, check=True
    )

    assert done.stdout.decode("utf-8") == page()


def test_each_setting_has_one_row_also_those_of_earlier_versions() -> None:
    rows = [line.split("`")[1] for line in page().splitlines() if line.startswith("| `")]

    names = [
        name for model in (Settings, ScriptSettings, ListenerSettings, RuntimeSettings) for name in model.model_fields
    ]
    assert rows == [*names, *REMOVED, *MOVED]


def test_a_bar_or_a_line_end_in_a_text_ends_no_column() -> None:
    assert _cell("udp|tcp,\nor both") == "udp\\|tcp, or both"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("load", "none"), ("scripts", "none"), ("listener", "none"), ("on_error", "false"), ("max_workers", "4"),
        ("exec_timeout_s", "0.4"), ("ttl_s", "0"), ("worker_user", '`""`'), ("statics", "kept"),
    ],
)  # fmt: skip
def test_a_default_is_shown_as_it_would_be_written(name: str, shown: str) -> None:
    assert default_of(Settings.model_fields[name]) == shown
