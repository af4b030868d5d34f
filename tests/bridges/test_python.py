"""bridge/python: a real worker for scripts in Python, over the real wire; what a script can rely on."""

from __future__ import annotations

import ast
import os
import re
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from runner.errors import EntryMissing, ScriptError, ScriptInvalid, WorkerDied
from tests.bridges.pythons import SHELF, Python, python
from tests.bridges.started import soon
from tests.places import ROOT
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BRIDGE = sorted((ROOT / "bridge" / "python").rglob("*.py"))


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Python]:
    with python(tmp_path) as started:
        yield started


def test_the_manuals_sample_does_what_it_does_in_c_sharp(worker: Python) -> None:
    outcome = worker.run(worker.started.loaded(ROOT / "examples" / "MySRTest.py"), "hello")

    assert outcome.code == 1
    assert worker.logs == [
        (1, "Kamailio API Version: 1.0\n"),
        (1, "Parameter from Kamailio config: hello\n"),
        (3, "Request URI is: sip:bob@example.com\n"),
    ]
    assert worker.asked() == [
        ("PV.GetS", ["$ru"], "sip:bob@example.com"),
        ("PV.SetS", ["$rU", "123"], 0),
        ("HDR.AppendToReply", ["My-Mono-Hdr: ok\r\n"], 0),
    ]


def test_the_number_lookup_redirects_a_known_number_and_refuses_another(worker: Python, tmp_path: Path) -> None:
    lookup = worker.started.loaded(ROOT / "examples" / "NumberLookup.py")
    table = tmp_path / "numbers.txt"

    table.write_text("bob sip:robert@example.com\n", encoding="ascii")
    assert worker.run(lookup, str(table)).code == 1
    assert ("HDR.AppendToReply", ["Contact: <sip:robert@example.com>\r\n"], 0) in worker.asked()
    table.write_text("carol sip:c@example.com\n", encoding="ascii")
    os.utime(table, ns=(1, 1))
    assert worker.run(lookup, str(table)).code == 1
    assert ("PV.SetI", ["$var(code)", 404], 0) in worker.asked()


def test_it_says_what_it_is_and_what_it_can(worker: Python) -> None:
    version = worker.started.runtime.split(".")

    assert [part.isdecimal() for part in version] == [True, True, True]
    assert set(worker.started.conversation.holdings.can) == {
        "values", "edits", "entries", "helpers", "profile", "within", "trace",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("return 7", 7),
        ("return None", 0),
        ("return -1", -1),
        ("import sys\nsys.exit()", 0),
        ("import sys\nsys.exit(256)", 256),
        ("import sys\nsys.exit(True)", 1),
        ("import sys\nsys.exit('why')", 1),
        ("exit(5)", 5),
        ("return len(args)", 0),
    ],
)
def test_the_result_of_main_and_of_sys_exit_is_the_exit_code(worker: Python, body: str, code: int) -> None:
    assert worker.result(body) == code
    assert worker.result("return 3") == 3, "the process lives"


def test_main_gets_its_parameter_in_a_list_or_takes_none(worker: Python) -> None:
    assert worker.result("return 0 if args == ['p'] else 1", "p") == 0
    assert worker.run(worker.load("def main(): return 4\n"), "p").code == 4


@pytest.mark.parametrize("what", ["True", "2**31", "'0'", "1.0"])
def test_another_result_is_an_error_that_says_what_was_expected(worker: Python, what: str) -> None:
    with pytest.raises(ScriptError, match=r"TypeError: main: expected a whole number of 32 bits or None"):
        worker.result(f"return {what}")


def test_an_uncaught_exception_has_type_message_and_lines_of_the_file_where_it_lies(worker: Python) -> None:
    with pytest.raises(ScriptError, match=r"^ValueError: boom$") as error:
        worker.shelf("Throws")

    lines = error.value.detail.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].endswith('tests/shelf/python/Throws.py", line 6, in main')
    assert lines[2].strip() == 'raise ValueError("boom")'
    assert lines[-1] == "ValueError: boom"
    assert "SR/" not in error.value.detail
    assert worker.asked() == [("PV.SetS", ["$var(x)", "set before"], 0)]


def test_the_lines_of_a_stack_are_those_that_ran_though_the_file_was_replaced(worker: Python) -> None:
    generation = worker.load("def main():\n    raise ValueError('old')\n")
    worker.write("Script.py", "# another\n# one\n")

    with pytest.raises(ScriptError) as error:
        worker.run(generation)

    assert "raise ValueError('old')" in error.value.detail


def test_an_exception_that_throws_when_it_is_described_is_described_all_the_same(worker: Python) -> None:
    generation = worker.load(
        "class Odd(Exception):\n    def __str__(self): raise RuntimeError('no')\ndef main(): raise Odd\n"
    )

    with pytest.raises(ScriptError, match=r"Script\.Odd: \(no description: it threw RuntimeError\)"):
        worker.run(generation)
    assert worker.result("return 3") == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = (\n", r"Script\.py:1:[56]: ('\(' was never closed|unexpected EOF)"),
        ("def main():\n    return 1 +\n", r"Script\.py:2:1\d: invalid syntax"),
        ("a\0b", r"Script\.py:1:1: .*null"),
        ("x = 1\n", r"Script\.py: it has no main\(args\), and no public function"),
        ("def main(a, b): pass\n", r"Script\.py: expected main\(\) or main\(args\)"),
        ("def f():\n    raise KeyError('x')\nf()\n", r"Script\.py:2: KeyError: 'x'"),
        ("import sys\nsys.exit(3)\n", r"Script\.py:2: SystemExit: 3"),
        ("import nowhere\n", r"Script\.py:1: ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_what_cannot_be_loaded_says_where_and_why(worker: Python, text: str, said: str) -> None:
    good = worker.load("def main(): return 3\n", "Good.py")

    with pytest.raises(ScriptInvalid, match=said):
        worker.load(text)
    assert worker.run(good).code == 3


def test_a_copy_that_was_changed_is_not_loaded(worker: Python) -> None:
    part = worker.started.copy(worker.write("Script.py", "def main(): return 3\n"))
    (worker.started.copies / part.hash).write_text("def main(): return 4\n", encoding="ascii")
    generation = worker.load("def main(): return 5\n", "Other.py")

    with pytest.raises(ScriptInvalid, match="copy was changed"):
        worker.started.conversation.load(type(generation).of(part.path, part, None, None, {}), soon())


def test_the_top_level_runs_once_at_load_without_a_message_and_again_when_fresh(worker: Python) -> None:
    generation = worker.load(
        "from SR import PV, Core, KSR, KsrError\n"
        "at_load = PV.get('$ru'), PV.set_s('$x', 'y'), Core.mod_f('f')\n"
        "try: KSR.is_INVITE()\nexcept KsrError as error: at_load = *at_load, 'no exec is running' in str(error)\n"
        "runs = 0\n"
        "def main():\n    global runs\n    runs += 1\n    return runs if at_load == (None, -1, -127, True) else -1\n"
    )

    assert [worker.run(generation, fresh=fresh).code for fresh in (False, False, True, False)] == [1, 2, 1, 2]
    assert worker.host.calls == []


def test_public_functions_that_take_nothing_or_one_text_are_entries(worker: Python) -> None:
    generation = worker.load(
        "from os import getcwd\nimport functools\n"
        "def main(): return 1\n"
        "def request(name): return 2 if name == 'bob' else 3\n"
        "def branch(): return 'no number'\n"
        "def maybe(name='x'): return 4 if name is None else 5\n"
        "def _hidden(): pass\ndef two(a, b): pass\nclass Kind: pass\n"
        "def logged(f):\n    @functools.wraps(f)\n    def g(*a): return f(*a)\n    return g\n"
        "@logged\ndef wrapped(name): return len(name)\n"
    )

    assert generation.entries == frozenset({"request", "branch", "maybe", "logged", "wrapped"})
    assert worker.run(generation, "bob", entry="request").code == 2
    assert worker.run(generation, entry="branch").code == 0
    assert worker.run(generation, entry="maybe").code == 4
    assert worker.run(generation, "four", entry="wrapped").code == 4
    assert worker.run(worker.load("def only(): return 6\n", "Only.py"), entry="only").code == 6


def test_an_entry_or_a_main_that_is_not_there_runs_nothing(worker: Python) -> None:
    generation = worker.load("def only(): return 6\n")
    generation.foresight.entries = None  # nobody knows, so the worker is asked

    with pytest.raises(EntryMissing, match=r"expected an entry of .*Script\.py, not gone"):
        worker.run(generation, entry="gone")
    with pytest.raises(EntryMissing, match=r"expected an entry of .*Script\.py, not main"):
        worker.run(generation)


def test_a_thread_that_is_left_over_retires_the_worker_unless_it_may_stay(worker: Python, tmp_path: Path) -> None:
    assert worker.shelf("LeavesAThread").code == 0
    assert worker.started.conversation.holdings.retire_reason == "threads"

    (tmp_path / "keep").mkdir()
    with python(tmp_path / "keep", leftover="keep") as other:
        assert other.shelf("LeavesAThread").code == 0
        assert other.started.conversation.holdings.retire_reason == ""


def test_running_out_of_memory_is_an_error_that_retires_the_worker(worker: Python) -> None:
    with pytest.raises(ScriptError, match="ValueError"):  # its context ran out of it
        worker.result("try:\n    return len(bytearray(1 << 60))\nexcept MemoryError: raise ValueError")

    assert worker.started.conversation.holdings.retire_reason == "memory"


def test_much_memory_deep_recursion_and_an_empty_input_are_fine(worker: Python) -> None:
    assert [worker.shelf(name).code for name in ("Allocates", "Recurses", "ReadsStdin")] == [0, 0, 0]
    with pytest.raises(ScriptError, match="RecursionError"):
        worker.result("import sys\nsys.setrecursionlimit(1000)\ndef f(): return f()\nf()")


def test_prints_go_to_the_log_line_by_line_and_not_to_the_wire(worker: Python) -> None:
    assert worker.shelf("Prints").code == 3
    lines = worker.started.log.splitlines()

    assert lines[:2] == ["from the console", "from the error stream"]
    assert lines[-1] == "from a child"
    assert worker.result("print('no line end', end='')\nreturn 1") == 1
    until(lambda: worker.started.log.endswith("no line end"), "what was printed is in the log")


def test_sys_exit_with_a_text_says_it_in_the_log(worker: Python) -> None:
    assert worker.result("import sys\nsys.exit('that is why')") == 1
    until(lambda: "that is why\n" in worker.started.log, "the text is in the log")


def test_what_a_script_changes_around_itself_is_restored(worker: Python) -> None:
    worker.result(
        "import os, sys\nos.chdir('/')\nos.environ['ODD'] = '1'\ndel os.environ['PATH']\n"
        "sys.stdout = sys.stderr = None\nsys.stdin.close()\nreturn 0"
    )

    assert (
        worker.result(
            "import os, sys\nprint('again')\n"
            "return 0 if 'ODD' not in os.environ and 'PATH' in os.environ and os.getcwd() != '/'"
            " and sys.stdin.read() == '' else 1"
        )
        == 0
    )
    until(lambda: "again\n" in worker.started.log, "what was printed is in the log")
    assert worker.result("import sys\nsys.stdout.close()\nreturn 0") == 0
    assert worker.result("print('and again')\nreturn 0") == 0


def test_a_script_knows_its_own_path(worker: Python) -> None:
    path = worker.scripts / "Script.py"

    assert worker.result(f"import sys\nreturn 0 if __file__ == sys.argv[0] == {str(path)!r} else 1") == 0
    assert worker.result("return 0 if __name__ == 'Script' else 1") == 0


def test_a_script_may_have_the_name_of_a_module_of_the_standard_library(worker: Python) -> None:
    generation = worker.load("import json\ndef main(): return json.loads('3')\n", "json.py")

    assert worker.run(generation).code == 3
    assert worker.result("import json\nreturn json.loads('4')") == 4


def test_a_child_that_a_script_forks_cannot_speak_for_it(worker: Python) -> None:
    code = worker.result(
        "import os\n"
        "child = os.fork()\n"
        "if not child:\n    Core.log(1, 'child'); PV.set_s('$var(x)', 'y')\n    return 9\n"
        "return os.WEXITSTATUS(os.waitpid(child, 0)[1])"
    )

    assert code == 9
    assert (worker.logs, worker.asked()) == ([], [])
    assert worker.result("return 3") == 3


def test_os_exit_is_a_death(worker: Python) -> None:
    with pytest.raises(WorkerDied):
        worker.result("import os\nos._exit(3)")


def test_what_a_script_logs_before_it_loops_arrives_and_its_stack_is_told(worker: Python) -> None:
    loops = worker.started.loaded(SHELF / "Loops.py")
    ended = []

    def run() -> None:
        try:
            worker.run(loops)
        except WorkerDied as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: worker.logs == [(1, "last words")], "what was logged has arrived")
    os.kill(worker.started.process.pid, signal.SIGQUIT)
    until(lambda: re.search(r'Loops\.py", line \d+ in main', worker.started.log), "the stack is in the log")
    os.kill(worker.started.process.pid, signal.SIGKILL)
    thread.join(WAIT_S)

    assert len(ended) == 1


def test_a_hang_up_ends_a_script_that_loops(worker: Python) -> None:
    loops = worker.started.loaded(SHELF / "Loops.py")

    def run() -> None:
        with pytest.raises(WorkerDied):
            worker.run(loops)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: worker.logs, "it runs")

    worker.started.conversation.end()

    assert worker.started.process.wait(WAIT_S) == -signal.SIGKILL
    thread.join(WAIT_S)


def test_the_bridge_is_written_for_python_3_9() -> None:
    for path in BRIDGE:
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 9))
