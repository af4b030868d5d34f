"""runner.runtimes.known: which runtime a script has, and what the settings make of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ConfigError
from runner.runtimes.known import Runtimes
from runner.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

LUA = {"suffixes": [".lua"], "command": ["lua5.4", "/opt/lua_worker.lua"]}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/x/a.exe", "mono"), ("/x/a.DLL", "mono"), ("/x/a.py", "python"), ("/x/a.js", "node"), ("/x/a.mjs", "node"),
        ("/x/a.cjs", "node"), ("/x/a.java", "java"), ("/x/a.jar", "java"), ("/x/a.class", "java"), ("/x/a", "mono"),
        ("/x/a.lua", "lua"),
    ],
)  # fmt: skip
def test_a_script_has_the_runtime_of_its_suffix(path: str, name: str) -> None:
    assert Runtimes(Settings(runtimes={"lua": LUA})).of(path).name == name


def test_a_runtime_of_ones_own_is_its_command_without_a_bridge() -> None:
    lua = Runtimes(Settings(runtimes={"lua": LUA})).named("lua")

    assert (lua.command, lua.bridge, lua.moves_wire) == (("lua5.4", "/opt/lua_worker.lua"), "", True)


@pytest.mark.parametrize("missing", ["command", "suffixes"])
def test_a_runtime_of_ones_own_needs_a_command_and_a_suffix(missing: str) -> None:
    table = {name: value for name, value in LUA.items() if name != missing}

    with pytest.raises(ConfigError, match=rf"runtimes\.lua\.{missing}: a runtime of your own needs one; .*python"):
        Runtimes(Settings(runtimes={"lua": table}))


def test_two_runtimes_cannot_have_one_suffix() -> None:
    with pytest.raises(ConfigError, match=r"runtimes\.lua\.suffixes: \.py belongs to runtimes\.python already"):
        Runtimes(Settings(runtimes={"lua": LUA | {"suffixes": [".py"]}}))


def test_one_that_comes_with_a_bridge_may_have_another_program() -> None:
    python = Runtimes(Settings(runtimes={"python": {"command": ["/srv/venv/bin/python3"]}})).named("python")

    assert (python.command, python.bridge) == (("/srv/venv/bin/python3",), "python/worker.py")
    assert Runtimes(Settings(mono="/opt/mono")).named("mono").command == ("/opt/mono",)


def test_its_own_table_outweighs_the_settings_for_all() -> None:
    settings = Settings(max_workers=7, num_workers=2, max_address_space_mib=99, runtimes={"java": {"max_workers": 3}})
    runtimes = Runtimes(settings)
    mono, java, node = (runtimes.settings_of(name) for name in ("mono", "java", "node"))

    assert (mono.max_workers, mono.num_workers) == (7, 2)
    assert (java.max_workers, java.num_workers, java.max_address_space_mib) == (3, 0, 99)
    assert (node.max_workers, node.max_address_space_mib) == (7, 0)


def test_what_starts_first_is_the_runtime_of_load_and_what_the_settings_keep_warm() -> None:
    warm = {"java": {"num_workers": 1}, "node": {"max_workers": 2}}

    assert Runtimes(Settings(runtimes=warm)).first == ["mono", "java"]
    assert Runtimes(Settings(load="/x/a.py")).first == ["python"]


def test_the_runtimes_of_a_directory_are_those_of_its_scripts(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("a.py", "below/b.js", "c.txt"):
        (tmp_path / name).touch()

    assert Runtimes(Settings()).below([tmp_path, tmp_path / "missing"]) == ["node", "python"]
