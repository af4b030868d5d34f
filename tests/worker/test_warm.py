"""``public static void Warm()`` does slow first-time work while a script is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptInvalid
from runner.hosts.embedded.host import MessageHost
from runner.runner import Runner
from runner.settings import Settings
from tests.places import INVITE
from tests.programs import WAIT_S
from tests.running_daemon import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THROWS = 'public static void Warm() { throw new Exception("no table"); } '


@pytest.fixture
def runner() -> Iterator[Runner]:
    with Runner(Settings(exec_timeout_s=WAIT_S, allocate_timeout_s=WAIT_S, spare_workers=0, observer="none")) as runner:
        yield runner


def exit_code(runner: Runner, script: Path) -> int | None:
    return runner.mono_exec(str(script), host=MessageHost(INVITE)).exit_code


def test_warm_runs_once_for_each_load_before_main(runner: Runner, tmp_path: Path) -> None:
    counts = "static int s_warm; public static void Warm() { s_warm += 5; } static int Main() { return s_warm++; }"
    script = compiled(tmp_path, "X", counts)

    before = [exit_code(runner, script) for _ in range(3)]
    compiled(tmp_path, "X", counts.replace("5", "50"))

    assert before == [5, 6, 7]
    assert exit_code(runner, script) == 50


@pytest.mark.parametrize(
    "other",
    [
        "static void Warm() { s_warm = 1; }",
        "public static int Warm() { s_warm = 1; return 0; }",
        "public static void Warm(int x) { s_warm = 1; }",
        "public void Warm() { s_warm = 1; }",
    ],
)
def test_a_method_that_has_only_the_name_is_not_called(runner: Runner, tmp_path: Path, other: str) -> None:
    script = compiled(tmp_path, "X", f"static int s_warm; {other} static int Main() {{ return s_warm; }}")

    assert exit_code(runner, script) == 0


def test_a_load_that_compiles_for_long_leaves_no_garbage_to_the_first_exec(runner: Runner, tmp_path: Path) -> None:
    """A collection of 2 to 3 ms came into one first exec in ten."""
    counts = compiled(tmp_path, "Counts", "static int Main() { return GC.CollectionCount(0); }")
    methods = " ".join(f"static string M{n}(string t) {{ return t + {n} + t.Length; }}" for n in range(600))
    large = compiled(tmp_path, "Large", f"{methods} static int Main() {{ return GC.CollectionCount(0); }}")
    before = exit_code(runner, counts)

    after = exit_code(runner, large)

    assert before is not None
    assert after == exit_code(runner, large) == exit_code(runner, counts) == before + 1


def test_there_is_no_message_in_warm(runner: Runner, tmp_path: Path) -> None:
    script = compiled(
        tmp_path,
        "X",
        """static string s_seen; static int s_edit, s_count;
        public static void Warm() { s_seen = PV.GetS("$ru"); s_edit = PV.SetS("$rU", "x"); s_count++; }
        static bool Is() { return s_seen == null && s_edit == -1 && s_count == 1 && PV.GetS("$rU") == "bob"; }
        static int Main() { return Is() ? 0 : 1; }""",
    )

    assert exit_code(runner, script) == 0


def test_a_build_whose_warm_throws_is_not_offered_and_the_last_good_one_serves(runner: Runner, tmp_path: Path) -> None:
    script = compiled(tmp_path, "X", "static int Main() { return 4; }")
    before = exit_code(runner, script)
    compiled(
        tmp_path, "X", 'public static void Warm() { throw new Exception("no table"); } static int Main() { return 5; }'
    )
    after = exit_code(runner, script)
    alone = compiled(
        tmp_path, "Y", 'public static void Warm() { throw new Exception("no table"); } static void Main() {}'
    )

    assert (before, after) == (4, 4)
    error = runner.mono_exec(str(alone), host=MessageHost(INVITE)).error
    assert isinstance(error, ScriptInvalid)
    assert "Warm() threw System.Exception: no table" in str(error)


def test_the_environment_that_warm_changes_is_restored(runner: Runner, tmp_path: Path) -> None:
    script = compiled(
        tmp_path,
        "X",
        """public static void Warm() { Environment.SetEnvironmentVariable("LEFT", "1"); }
        static int Main() { return Environment.GetEnvironmentVariable("LEFT") == null ? 0 : 1; }""",
    )

    assert exit_code(runner, script) == 0
