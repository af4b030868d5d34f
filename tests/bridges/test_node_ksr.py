"""KSR in JavaScript: Kamailio's functions by their names, refused, sent ahead, and the end of a script."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import ScriptError
from tests.bridges.node import Node, body
from tests.kemi import Kemi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node")) as running:
        yield running


def gave(node: Node, directory: Path, expression: str) -> tuple[str, Kemi]:
    """The result of an expression, as JSON."""
    host = Kemi()
    node.run(body(directory, f"Core.log(1, String(JSON.stringify({expression})));"), host=host)
    return host.logs[-1][1], host


@pytest.mark.parametrize(
    ("expression", "asked", "result"),
    [
        ("KSR.sl.send_reply(404, 'Gone')", ("sl.send_reply", 404, "Gone"), "1"),
        ("KSR.is_INVITE()", ("is_INVITE",), "1"),
        ("KSR.x_y.length(true, -5)", ("x_y.length", True, -5), "null"),
        ("KSR.pv.get('$rU')", ("pv.get", "$rU"), '"bob"'),
        ("Core.modF('append_hf', 'X:1', 5)", ("append_hf", "X:1", "5"), "7"),
    ],
)
def test_a_call_reaches_the_host_with_its_arguments(
    node: Node, tmp_path: Path, expression: str, asked: tuple[Any, ...], result: str
) -> None:
    got, host = gave(node, tmp_path, expression)

    assert (got, host.asked[-1]) == (result, asked)


def test_levels_are_texts_for_the_log_and_need_no_answer(node: Node, tmp_path: Path) -> None:
    host = Kemi()

    node.run(body(tmp_path, 'for (const f of ["crit", "err", "warn", "notice", "info", "dbg"]) KSR[f](f);'), host=host)

    assert host.logs == [(-2, "crit"), (-1, "err"), (0, "warn"), (1, "notice"), (2, "info"), (3, "dbg")]
    assert host.asked == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("KSR.gone()", "there is no such function: é"),
        ("KSR.a.b(null)", "KSR.a.b: expected a text, a whole number or a truth value as argument 1, got nothing"),
        (
            "KSR.a.b('x', 1.5)",
            "KSR.a.b: expected a text, a whole number or a truth value as argument 2, got number 1.5",
        ),
        ("KSR.a.b('\\ud800')", "KSR.a.b: its arguments are too long or too many, or are no text that can be written"),
        ("KSR.a.b(1, 2, 3, 4, 5, 6, 7)", "KSR.a.b: its arguments are too long or too many, or are no text"),
        ("KSR.x.modf('y')", "KSR.x.modf crashes Kamailio: "),
    ],
)
def test_a_call_that_was_not_made_is_an_exception(node: Node, tmp_path: Path, call: str, message: str) -> None:
    host = Kemi()
    with pytest.raises(ScriptError) as caught:
        node.run(body(tmp_path, f"{call};"), host=host)

    assert str(caught.value).startswith(f"KsrError: {message}")
    assert "bridge" not in caught.value.detail
    got, _ = gave(node, tmp_path, f"(() => {{ try {{ {call} }} catch (e) {{ return e instanceof KsrError; }} }})()")
    assert got == "true"


AHEAD = """
const got = [KSR.pv.get("$rU"), KSR.is_INVITE(), KSR.pv.sets("$var(a)", "x"), KSR.hdr.append_to_reply("X-A: 1\\r\\n")];
Core.log(1, JSON.stringify(got));
"""


def test_reads_and_edits_that_are_known_need_no_question(node: Node, tmp_path: Path) -> None:
    class Foresighted(Kemi):
        def depends_on(self, call: str, name: str) -> str | None:
            return "" if call in {"is_INVITE", "pv.get"} else super().depends_on(call, name)

    generation = node.loaded(body(tmp_path, AHEAD))
    for _ in range(4):
        host = Foresighted()
        outcome = node.run(generation, host=host)

    assert host.logs[0][1].startswith('["bob",1,')
    assert outcome.used == 0b11
    assert outcome.certain == 2
    assert host.get_s("$var(a)") == "x"


def test_nothing_that_came_ahead_counts_after_a_function_of_kamailio(node: Node, tmp_path: Path) -> None:
    code = 'const before = PV.get("$rU");\nKSR.sl.send_reply(200, "OK");\nreturn PV.get("$rU") === before ? 0 : 1;'
    generation = node.loaded(body(tmp_path, code))

    for _ in range(3):
        outcome = node.run(generation, host=Kemi())

    assert outcome.used == 1
    assert [call for call, _ in outcome.asked or ()] == ["KSR", "PV.GetS"]


ENDS = {
    "at once": ("KSR.x.exit();", []),
    "through finally": ("try { KSR.x.exit(); } finally { KSR.info('finally'); }", []),
    "whatever catches it": ("try { KSR.x.exit(); } catch {}\nKSR.sl.send_reply(200, 'OK');", []),
    "where main goes on": ("try { KSR.x.exit(); } catch {}\nreturn 7;", []),
    "dropping": ("KSR.x.drop();", [("set_drop",)]),
    "behind an await": ("return Promise.resolve().then(() => KSR.x.exit());", []),
    "by a promise of its own": ("Promise.resolve().then(() => KSR.x.exit());\nreturn new Promise(() => {});", []),
}


@pytest.mark.parametrize(("code", "asked"), ENDS.values(), ids=ENDS)
def test_exit_ends_the_script_and_the_routing(node: Node, tmp_path: Path, code: str, asked: list[Any]) -> None:
    host = Kemi()

    outcome = node.run(body(tmp_path, code), host=host)

    assert (outcome.code, outcome.has_ended_routing, host.asked) == (0, True, asked)
    assert node.run(body(tmp_path, "return 3;")).code == 3
