"""Scripts that log or edit without end, with the real bridge: each exec ends within its bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from runner.worker.outcome import (
    MAX_EDITS,
    MAX_TEXT_CHARACTERS,
    MAX_TEXTS,
)
from tests.places import INVITE
from tests.programs import WAIT_S
from tests.running_daemon import compiled
from tests.shelf import works_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Played = Callable[..., tuple[Any, MessageHost]]


# The bridge keeps to the bounds, so that a script that logs in a loop costs nothing but its texts.


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    settings = Settings(
        spare_workers=0,
        exec_timeout_s=WAIT_S,
        allocate_timeout_s=WAIT_S,
        observer="none",
        poison_losses=0,
        poison_message_losses=0,
    )
    with Runner(settings) as running:
        yield running


@pytest.fixture
def played(runner: Runner, tmp_path: Path) -> Played:
    def play(body: str, param: str = "") -> tuple[Any, MessageHost]:
        host = MessageHost(INVITE)
        script = compiled(tmp_path, "Floods", f"static int Main(string[] a) {{ {body} return 0; }}")
        return runner.mono_exec(script, param, host=host), host

    return play


def test_a_script_that_logs_a_million_lines_does_its_work(played: Played) -> None:
    done, host = played('for (int i = 0; i < 1000000; i++) Core.Log(1, "line " + i + "\\n"); PV.SetS("$rU", "done");')

    assert done.ok, done
    assert len(host.logs) == MAX_TEXTS
    assert host.logs[-2:] == [
        (1, f"line {MAX_TEXTS - 2}\n"),
        (0, f"{1_000_000 - MAX_TEXTS + 1} more texts were dropped\n"),
    ]
    assert host.get_s("$rU") == "done"


def test_a_script_may_log_a_thousand_lines_less_one(played: Played) -> None:
    done, host = played(f'for (int i = 0; i < {MAX_TEXTS - 1}; i++) Core.Log(1, "line " + i);')

    assert done.ok, done
    assert [logged for _, logged in host.logs] == [f"line {number}" for number in range(MAX_TEXTS - 1)]


def test_a_script_logs_a_million_characters_and_the_text_that_goes_beyond_is_cut(
    played: Played,
) -> None:
    _, host = played("for (int i = 0; i < 4; i++) Core.Log(1, new string((char)('a' + i), 600000));")

    first, second, told = (logged for _, logged in host.logs)
    assert first == "a" * 600_000
    assert set(second) == {"b"}
    assert 0.9 * MAX_TEXT_CHARACTERS < len(first + second) <= MAX_TEXT_CHARACTERS
    assert told == "2 more texts were dropped\n"


@pytest.mark.parametrize("end", ["System.Environment.Exit(3);", 'throw new System.Exception("boom");'])
def test_dropped_texts_are_told_however_the_script_ends(played: Played, end: str) -> None:
    _, host = played(f'for (int i = 0; i < 2000; i++) Core.Log(1, "x"); if (PV.GetS("$rU") != "") {{ {end} }}')

    assert [logged for _, logged in host.logs[MAX_TEXTS - 1 :]] == [f"{2000 - MAX_TEXTS + 1} more texts were dropped\n"]


def test_texts_dropped_in_one_exec_are_not_missing_in_the_next(
    played: Played,
) -> None:
    played('for (int i = 0; i < 5000; i++) Core.Log(1, "x");')
    _, host = played('Core.Log(1, "y");')

    assert host.logs == [(1, "y")]


@pytest.mark.parametrize("name", ["$var(a)", "$rU"])
def test_a_script_that_edits_without_end_is_ended_and_told(played: Played, runner: Runner, name: str) -> None:
    body = f'for (int i = 0; i < int.Parse(a[0]); i++) PV.SetS("{name}", "v" + i);'
    errors = [str(played(body, "50000")[0].error)]  # each edit is a question
    assert played(body, "5000")[0].ok
    errors.append(str(played(body, "50000")[0].error))  # each edit is certain

    assert all(f"the script made more than {MAX_EDITS} edits in one exec" in error for error in errors), errors
    assert works_on(runner)


def test_the_fullest_lines_of_the_bridge_are_within_the_bounds(
    played: Played,
) -> None:
    """As many short edits and texts as the bridge holds back before it sends a line."""
    body = (
        'for (int n = 0; n < 8; n++) { for (int i = 0; i < 1000; i++) PV.SetI("$var(a)", 1);'
        ' for (int i = 0; i < 100; i++) Core.Log(1, ""); }'
    )
    done = [played(body)[0] for _ in range(4)]

    assert all(result.ok for result in done), done
