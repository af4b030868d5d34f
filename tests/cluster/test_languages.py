"""Scripts of every runtime on a node: what was saved last runs there, with the helper beside it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from runner.build import compile_script, publish
from runner.errors import PoolExhausted
from tests.compilers.fetched import compilers
from tests.daemon.leases import run
from tests.data_files import NAMED, SCRIPTS
from tests.programs import MCS, until
from tests.running_daemon import app_mono
from tests.siblings import Language, each

if TYPE_CHECKING:
    from pathlib import Path

    from runner.client.lease import Lease
    from tests.cluster.conftest import Cluster

__all__ = ["compilers"]

# The script, and the helper that it takes its number from.
HELPED = {
    ".py": ("import number\n\ndef main(args):\n    return number.NUMBER\n", "number.py", "NUMBER = {}\n"),
    ".js": (
        'exports.main = () => require("./number.js").number;\n',
        "number.js",
        "exports.number = {};\n",
    ),
    ".java": (
        "public class Far {\n    public static int main(String[] args) {\n        return NUMBER;\n    }\n",
        None,
        "    private static final int NUMBER = {};\n}}\n",
    ),
}


def save(scripts: Path, suffix: str, number: int) -> Path:
    """A script that returns this number; the only file that a change touches is the helper, if it has one."""
    text, helper, value = HELPED[suffix]
    script = scripts / f"Far{suffix}"
    if helper is None:
        text += value.format(number)
    else:
        (scripts / helper).write_text(value.format(number), encoding="ascii")
    if helper is None or not script.exists():
        script.write_text(text, encoding="ascii")
    return script


def result(lease: Lease, script: Path, param: str | None = None) -> int | None:
    try:
        return run(lease, script, param)
    except PoolExhausted:  # the node starts its first worker of the runtime
        return None


@each()
def test_files_that_a_script_names_travel_with_its_build(cluster: Cluster, lease: Lease, language: Language) -> None:
    scripts = cluster.daemon.scripts
    script, here = scripts / f"Reads{language.suffix}", str(scripts)
    (scripts / NAMED).write_text("7", "ascii")
    script.write_text(SCRIPTS[language.suffix], "utf-8")
    until(lambda: result(lease, script, here) == 7, "it runs on a node")

    (scripts / NAMED).write_text("8", "ascii")
    assert result(lease, script, here) == 8


@pytest.mark.usefixtures("compilers")
@pytest.mark.parametrize("suffix", [".vb", ".fs", ".il"])
def test_files_that_a_source_of_another_language_names_travel(cluster: Cluster, lease: Lease, suffix: str) -> None:
    scripts, source = cluster.daemon.scripts, cluster.place / f"Named{suffix}"
    source.write_text(SCRIPTS[suffix], "utf-8")
    for place in (cluster.place, scripts):
        (place / NAMED).write_text("7", "ascii")
    script = publish(compile_script(source), scripts)

    assert run(lease, script, str(scripts)) == 7
    (scripts / NAMED).write_text("8", "ascii")
    assert run(lease, script, str(scripts)) == 8


def test_files_that_a_setting_names_travel_with_the_build(cluster: Cluster, lease: Lease) -> None:
    scripts = cluster.daemon.scripts
    script, here = scripts / "Old.exe", str(scripts)
    source = cluster.place / "Old.cs"
    source.write_text(SCRIPTS[".cs"].partition("\n")[2], "utf-8")
    subprocess.run([MCS, f"-out:{script}", str(source)], check=True)
    (scripts / NAMED).write_text("7", "ascii")
    assert run(lease, script, here) == 99, "without the setting"

    before = cluster.daemon.config.read_text("utf-8")
    try:
        cluster.daemon.config.write_text(f'{before}\n[scripts."{script}"]\nfiles = ["{NAMED}"]\n', "utf-8")
        assert app_mono("reload", "--socket", str(cluster.daemon.socket)).returncode == 0
        until(lambda: result(lease, script, here) == 7, "the setting is in force")
        (scripts / NAMED).write_text("8", "ascii")
        assert run(lease, script, here) == 8
    finally:
        cluster.daemon.config.write_text(before, "utf-8")
        app_mono("reload", "--socket", str(cluster.daemon.socket))


@each()
def test_a_script_of_another_runtime_runs_on_a_node_and_a_save_is_live(
    cluster: Cluster, lease: Lease, language: Language
) -> None:
    script = save(cluster.daemon.scripts, language.suffix, 3)
    until(lambda: result(lease, script) == 3, "it runs on a node")

    for number in (4, 5):
        save(cluster.daemon.scripts, language.suffix, number)
        assert result(lease, script) == number
