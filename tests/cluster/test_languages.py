"""Scripts of every runtime on a node: what was saved last runs there, with the helper beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.errors import PoolExhausted
from tests.daemon.leases import run
from tests.programs import until
from tests.siblings import Language, each

if TYPE_CHECKING:
    from pathlib import Path

    from runner.client.lease import Lease
    from tests.cluster.conftest import Cluster

# The script, and the helper that it takes its number from.
SOURCES = {
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
    text, helper, value = SOURCES[suffix]
    script = scripts / f"Far{suffix}"
    if helper is None:
        text += value.format(number)
    else:
        (scripts / helper).write_text(value.format(number), encoding="ascii")
    if helper is None or not script.exists():
        script.write_text(text, encoding="ascii")
    return script


def result(lease: Lease, script: Path) -> int | None:
    try:
        return run(lease, script, timeout_s=10.0)
    except PoolExhausted:  # the node starts its first worker of the runtime
        return None


@each()
def test_a_script_of_another_runtime_runs_on_a_node_and_a_save_is_live(
    cluster: Cluster, lease: Lease, language: Language
) -> None:
    script = save(cluster.daemon.scripts, language.suffix, 3)
    until(lambda: result(lease, script) == 3, "it runs on a node")

    for number in (4, 5):
        save(cluster.daemon.scripts, language.suffix, number)
        assert result(lease, script) == number
