"""bridge/node on the wire, beyond the transcripts: what is held while a script computes, and what an exec costs."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from runner.build import compile_script, ensure_bridge
from runner.hosts.embedded.host import MessageHost
from runner.runtimes.known import MONO
from tests.bridges.node import Node, body
from tests.bridges.started import Started, soon
from tests.places import INVITE, ROOT

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = ROOT / "tests" / "wire" / "transcripts" / "node"


def test_the_manuals_sample_of_the_transcripts_is_the_example() -> None:
    assert (SCRIPTS / "MySRTest.js").read_bytes() == (ROOT / "examples" / "MySRTest.js").read_bytes()


BUSY = """
PV.setS("$var(a)", "x");
Core.log(1, "before");
const until = Date.now() + 60;
while (Date.now() < until) {}
return PV.getS("$rm") === "INVITE" && PV.getS("$rU") === "bob" ? 0 : 1;
"""


def test_what_a_script_says_before_it_computes_arrives_meanwhile(tmp_path: Path) -> None:
    """The watch sends it, also a certain edit; and it hears the answer that comes to a busy script."""
    with Node(tmp_path) as node:
        generation = node.loaded(body(tmp_path, BUSY))
        for _ in range(5):
            host = MessageHost(INVITE)
            assert node.run(generation, host=host).code == 0
            assert host.logs == [(1, "before")]
            assert host.get_s("$var(a)") == "x"


def test_an_exec_with_three_calls_costs_about_what_it_costs_in_mono(tmp_path: Path) -> None:
    """Asserts nothing of the time, which is the machine's, too: run with -s to see it."""
    mono = ("sh", "-c", 'exec "$@" <&3 >&4 3<&- 4>&-', "sh", "mono", "--debug", str(ensure_bridge().bridge_exe))
    spent: dict[str, list[float]] = {"mono": [], "node": []}
    (tmp_path / "mono").mkdir()
    (tmp_path / "node").mkdir()
    with Started(mono, tmp_path / "mono", environment=MONO.variables({})) as one, Node(tmp_path / "node") as other:
        workers = {
            "mono": (one, one.loaded(compile_script(ROOT / "examples" / "MySRTest.cs"))),
            "node": (other, other.loaded(ROOT / "examples" / "MySRTest.js")),
        }
        for _ in range(10):
            for name, (worker, generation) in workers.items():
                began = time.perf_counter()
                for _ in range(100):
                    assert worker.conversation.exec(generation, "x", MessageHost(INVITE), soon()).code == 1
                spent[name].append((time.perf_counter() - began) * 10_000)

    mono_us, node_us = (statistics.median(spent[name]) for name in ("mono", "node"))
    print(f"mono {mono_us:.0f} us, node {node_us:.0f} us an exec: {node_us / mono_us:.2f} times")  # noqa: T201 - to be read
