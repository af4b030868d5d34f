"""runner.settings.tables: what a table of the settings may hold."""

from __future__ import annotations

import pytest

from runner.errors import ConfigError
from runner.settings import RuntimeSettings, Settings


def test_a_suffix_is_kept_in_small_letters() -> None:
    assert RuntimeSettings(suffixes=(".LUA",)).suffixes == (".lua",)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            {"suffixes": ["lua"]},
            r"runtimes\.lua\.suffixes\.0: expected the end of a name, such as .*, but 'lua'",
        ),
        ({"num_workers": -1}, r"runtimes\.lua\.num_workers: should be greater than or equal to 0, but -1 came"),
        ({"no_such": 1}, r"runtimes\.lua\.no_such: there is no such setting"),
        ({"num_workers": 9}, r"runtimes\.lua: max_workers \(4\) should be at least num_workers \(9\)"),
    ],
)
def test_what_is_wrong_in_a_table_is_said_with_its_name(table: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Settings(runtimes={"lua": table})


def test_only_what_a_table_says_is_for_its_workers() -> None:
    said = RuntimeSettings(max_workers=3, command=("lua",)).of_workers()

    assert {name for name, value in said.items() if value is not None} == {"max_workers"}
