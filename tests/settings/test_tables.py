"""runner.settings.tables: what a table of the settings may hold."""

from __future__ import annotations

import pytest

from runner.errors import ConfigError
from runner.settings import RuntimeSettings, ScriptSettings, Settings


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


@pytest.mark.parametrize("name", ["../a.txt", "/etc/passwd", "..", ".", "", "a/b", "a\0b"])
def test_files_of_a_script_lie_beside_it(name: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Settings.model_validate({"scripts": {"/x.exe": {"files": [name]}}})

    assert str(refused.value) == (
        'argument scripts./x.exe.files.0: expected the name of a file beside the script, such as "numbers.txt", '
        f"but {name!r} came"
    )


def test_a_script_has_so_many_files_at_most_and_each_once() -> None:
    names = [f"{number}.txt" for number in range(65)]

    assert ScriptSettings.model_validate({"files": names[:64] * 2}).files == tuple(names[:64])
    with pytest.raises(ConfigError, match=r"scripts\./x\.exe\.files: expected at most 64 files, got 65$"):
        Settings.model_validate({"scripts": {"/x.exe": {"files": names}}})
