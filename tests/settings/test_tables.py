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


@pytest.mark.parametrize(
    ("entries", "servers"),
    [
        (["nats://sip:x@n1:1", "n2:2", "n3"], ("nats://sip:x@n1:1", "nats://sip:x@n2:2", "nats://sip:x@n3")),
        (["tls://n1", "n2"], ("tls://n1", "tls://n2")),
        (["tls://sip:x@n1", "sip:y@n2", "nats://sip:z@n3"], ("tls://sip:x@n1", "tls://sip:y@n2", "nats://sip:z@n3")),
        (["nats://sip:x@[::1]:1", "[::2]:2"], ("nats://sip:x@[::1]:1", "nats://sip:x@[::2]:2")),
        ("nats://sip:x@n1:1,n2", ("nats://sip:x@n1:1", "nats://sip:x@n2")),
        ([], ()),
    ],
)
def test_a_server_without_a_scheme_has_that_of_the_first_one_and_its_user(
    entries: object, servers: tuple[str, ...]
) -> None:
    assert Settings.model_validate({"nats": entries}).nats == servers


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        (["n1", "nats://sip:secret@n2"], "nats.0"),
        (["nats://sip:secret@n1", ""], "nats.1"),
        (["nats://sip:secret@n1", "n2:port"], "nats.1"),
        (["http://sip:secret@n1"], "nats.0"),
        ("sip:secret@n1,n2", "nats.0"),
        ([["nats://sip:x@n1"]], "nats.0"),
    ],
)
def test_what_is_no_server_is_named_without_its_password(entries: object, named: str) -> None:
    with pytest.raises(ConfigError, match=rf"argument {named}: ") as refused:
        Settings.model_validate({"nats": entries})

    assert "secret" not in str(refused.value)
