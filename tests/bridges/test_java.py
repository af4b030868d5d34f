"""Scripts in Java, run by the real worker, through the conversation that the runner has with it."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import EntryMissing, ScriptError, ScriptInvalid, WorkerError
from runner.hosts.embedded.host import MessageHost
from runner.runtimes import java
from runner.worker.outcome import ExecOutcome
from tests.bridges.started import Started, soon
from tests.places import INVITE, ROOT, SHELF
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.scripts.generation import Generation

pytestmark = pytest.mark.skipif(
    not shutil.which("javac"), reason="javac is not installed: apt-get install --no-install-recommends default-jdk-headless"
)

MANUAL = ROOT / "examples" / "MySRTest.java"


def started(directory: Path, **how: Any) -> Started:
    directory.mkdir(exist_ok=True)
    return Started(java.command(java.ensure()), directory, **how)


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """One worker for all tests that leave it as it was."""
    with started(tmp_path_factory.mktemp("worker")) as process:
        yield process


@pytest.fixture
def host() -> MessageHost:
    return MessageHost(INVITE)


class Plain:
    """A host that says nothing ahead: every call is a question."""

    def __init__(self, host: MessageHost) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Any:
        if name == "depends_on":
            raise AttributeError(name)
        return getattr(self._host, name)


def shelf(name: str) -> Path:
    return SHELF / "java" / f"{name}.java"


def written(directory: Path, name: str, text: str) -> Path:
    file = directory / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def run(
    worker: Started, script: Path | Generation, host: Any = None, param: str | None = None, **how: Any
) -> ExecOutcome:
    generation = worker.loaded(script) if isinstance(script, Path) else script
    return worker.conversation.exec(generation, param, host or MessageHost(INVITE), soon(), **how)


def body(directory: Path, name: str, statements: str, more: str = "") -> Path:
    """A script with these statements in its main."""
    return written(
        directory,
        f"{name}.java",
        f"import SR.*;\npublic class {name} {{ {more}\n"
        f"  public static int main(String[] args) throws Exception {{\n{statements}\n  }}\n}}\n",
    )


def test_the_sample_of_the_manual_runs_and_edits_the_message(worker: Started, host: MessageHost) -> None:
    outcome = run(worker, MANUAL, host, "p")

    assert outcome.code == 1
    assert host.logs == [
        (1, "Kamailio API Version: 1.0\n"),
        (1, "Parameter from Kamailio config: p\n"),
        (3, "Request URI is: sip:bob@example.com\n"),
    ]
    assert host.get_s("$rU") == "123"


def test_it_does_the_same_with_what_came_ahead_and_without(worker: Started) -> None:
    generation = worker.loaded(MANUAL)
    logs = []
    for host in (MessageHost(INVITE), MessageHost(INVITE), MessageHost(INVITE)):
        outcome = run(worker, generation, host)
        logs.append(host.logs)
    plain = MessageHost(INVITE)
    run(worker, generation, Plain(plain))

    assert outcome.used
    assert logs == [plain.logs] * 3


def test_the_number_lookup_does_what_that_in_csharp_does(worker: Started, host: MessageHost, tmp_path: Path) -> None:
    table = written(tmp_path, "numbers.txt", f"{host.get_s('$rU')} sip:there@192.0.2.9\n")
    generation = worker.loaded(ROOT / "examples" / "NumberLookup.java")

    assert run(worker, generation, host, str(table)).code == 1
    assert host.get_i("$var(code)") == 302
    table.write_text("")
    os.utime(table, (1, 1))
    assert run(worker, generation, host, str(table)).code == 1
    assert host.get_i("$var(code)") == 404


def test_an_exception_has_its_type_message_and_stack_without_the_bridge(worker: Started, host: MessageHost) -> None:
    with pytest.raises(ScriptError, match=r"^java\.lang\.IllegalStateException: boom$") as caught:
        run(worker, shelf("Throws"), host)

    assert caught.value.detail == "java.lang.IllegalStateException: boom\n\tat Throws.main(Throws.java:6)"
    assert host.get_s("$var(x)") == "set before"
    assert run(worker, MANUAL).code == 1


def test_a_cause_is_told_and_an_exception_that_throws_when_it_is_described(worker: Started, tmp_path: Path) -> None:
    with pytest.raises(ScriptError) as caught:
        run(worker, body(tmp_path, "Causes", 'throw new Exception("outer", new Exception("inner"));'))
    assert "Caused by: java.lang.Exception: inner" in caught.value.detail
    assert "srbridge" not in caught.value.detail

    odd = 'static class Odd extends Exception { public String getMessage() { throw new RuntimeException("no"); } }'
    with pytest.raises(ScriptError, match="no description"):
        run(worker, body(tmp_path, "Odd1", "throw new Odd();", odd))


@pytest.mark.parametrize(("param", "code"), [("3", 3), ("-1", -1), ("thread 4", 4)])
def test_exit_ends_the_process_with_its_code(tmp_path: Path, host: MessageHost, param: str, code: int) -> None:
    with started(tmp_path) as worker:
        outcome = run(worker, shelf("Exits"), host, param)

        assert (outcome.code, outcome.has_exited) == (code, True)
        assert host.logs == [(1, "before exit")]
        assert not worker.conversation.can_go_on


def test_a_signal_from_outside_is_no_result(tmp_path: Path) -> None:
    with started(tmp_path) as worker:
        script = body(tmp_path, "Dies", 'new ProcessBuilder("kill", "" + ProcessHandle.current().pid()).start().waitFor();'
                      " Thread.sleep(60000); return 0;")  # fmt: skip
        with pytest.raises(WorkerError):
            run(worker, script)


def test_the_hang_up_ends_a_script_that_loops_and_its_children(tmp_path: Path, host: MessageHost) -> None:
    statements = 'PV.setS("$var(pid)", "" + new ProcessBuilder("sleep", "1000").start().pid()); while (true) { }'
    with started(tmp_path) as worker:
        generation = worker.loaded(body(tmp_path, "Loops1", statements))
        with pytest.raises(WorkerError):
            worker.conversation.exec(generation, None, Plain(host), time.monotonic() + 2)
        child = int(host.get_s("$var(pid)") or 0)
        began = time.monotonic()
        worker.conversation.end()
        worker.process.wait(WAIT_S)
        print(f"ended {1000 * (time.monotonic() - began):.1f} ms after the hang-up")

        until(lambda: not Path(f"/proc/{child}").exists() or " Z " in _stat(child), "its child has ended")


def _stat(pid: int) -> str:
    with contextlib.suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text("utf-8")
    return " Z "


def test_the_last_words_of_a_script_that_loops_arrive(tmp_path: Path, host: MessageHost) -> None:
    with started(tmp_path) as worker:
        generation = worker.loaded(shelf("Loops"))
        with pytest.raises(WorkerError):
            worker.conversation.exec(generation, None, host, time.monotonic() + 2)

        assert host.logs == [(1, "last words")]


def test_sigquit_prints_the_stack_of_a_stuck_script_to_the_log(tmp_path: Path, host: MessageHost) -> None:
    with started(tmp_path) as worker:
        generation = worker.loaded(shelf("Loops"))
        with pytest.raises(WorkerError):
            worker.conversation.exec(generation, None, host, time.monotonic() + 2)
        worker.process.send_signal(signal.SIGQUIT)

        until(lambda: "at Loops.main(Loops.java:6)" in worker.log, "the stack is in the log")


def test_prints_of_a_script_and_its_child_go_to_the_log(worker: Started) -> None:
    assert run(worker, shelf("Prints")).code == 3

    for text in ("from the console: é", "from the error stream", '"result":{"code":0}', "from a child"):
        assert text in worker.log


def test_standard_input_is_at_its_end(worker: Started) -> None:
    assert run(worker, shelf("ReadsStdin")).code == 0


def test_a_thread_that_is_left_wears_the_worker_out_unless_it_keeps_them(tmp_path: Path) -> None:
    for leftover, reason in (("retire", "threads"), ("keep", "")):
        with started(tmp_path / leftover, leftover=leftover) as worker:
            assert run(worker, shelf("LeavesAThread")).code == 0
            assert worker.conversation.holdings.retire_reason == reason
            assert run(worker, MANUAL).code == 1


def test_threads_and_tasks_that_have_ended_do_not(worker: Started, tmp_path: Path) -> None:
    statements = (
        "Thread thread = new Thread(() -> { }); thread.start(); thread.join();"
        "return java.util.concurrent.CompletableFuture.supplyAsync(() -> 5).get();"
    )
    for _ in range(2):
        assert run(worker, body(tmp_path, "EndsThem", statements)).code == 5
    assert worker.conversation.holdings.retire_reason == ""


def test_a_task_that_goes_on_wears_the_worker_out(tmp_path: Path) -> None:
    statements = (
        "java.util.concurrent.CompletableFuture.runAsync(() -> {"
        " try { Thread.sleep(100000); } catch (InterruptedException error) { } }); return 0;"
    )
    with started(tmp_path) as worker:
        assert run(worker, body(tmp_path, "LeavesATask", statements)).code == 0
        assert worker.conversation.holdings.retire_reason == "threads"


def test_threads_and_tasks_of_an_exec_make_its_calls(worker: Started, tmp_path: Path) -> None:
    statements = """
        java.util.concurrent.atomic.AtomicInteger answered = new java.util.concurrent.atomic.AtomicInteger();
        Thread[] threads = new Thread[8];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = new Thread(() -> {
                for (int call = 0; call < 25; call++) {
                    answered.addAndGet("INVITE".equals(PV.get("$rm")) ? 1 : 0);
                }
            });
            threads[i].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        return answered.get()
            + java.util.concurrent.CompletableFuture.supplyAsync(() -> PV.get("$rm").equals("INVITE") ? 1000 : 0).get();"""
    generation = worker.loaded(body(tmp_path, "CallsFromThreads", statements))

    for plain in (True, False, False):
        host = MessageHost(INVITE)
        assert run(worker, generation, Plain(host) if plain else host).code == 1200


def test_calls_of_a_thread_of_an_earlier_exec_get_their_error_values(tmp_path: Path, host: MessageHost) -> None:
    with started(tmp_path, leftover="keep") as worker:
        generation = worker.loaded(shelf("CallsLate"))
        assert run(worker, generation, host).code == 0
        assert run(worker, generation, host).code == 1

    assert host.get_s("$var(answer)") == "null-1-1"
    assert host.get_s("$var(old)") == "0"
    assert host.logs == []


def test_memory_that_has_run_out_wears_the_worker_out(tmp_path: Path) -> None:
    with started(tmp_path) as worker:
        generation = worker.loaded(shelf("Allocates"))
        assert run(worker, generation).code == 0
        with pytest.raises(ScriptError, match="OutOfMemoryError"):
            run(worker, generation, param="keep")
        assert worker.conversation.holdings.retire_reason == "memory"


def test_a_stack_that_overflows_is_an_exception(worker: Started) -> None:
    generation = worker.loaded(shelf("Recurses"))

    assert run(worker, generation).code == 0
    with pytest.raises(ScriptError, match="StackOverflowError"):
        run(worker, generation, param="without end")
    assert run(worker, generation).code == 0


def test_bytes_come_through_and_other_lone_surrogates_do_not(worker: Started, host: MessageHost) -> None:
    run(worker, shelf("OddBytes"), host)

    assert host.logs == [(1, "log \ufffd and \0 go on")]
    assert host.get_s("$var(bytes)") == "\udc80\udcff"
    assert host.get_s("$var(got)") == "-1 -1 0 0 0"


def test_null_arguments_give_error_values(worker: Started, host: MessageHost) -> None:
    run(worker, shelf("NullArguments"), host)

    assert host.logs == []
    assert host.get_s("$var(got)") == "null 0 -1 -1 -1 -1 -1 -1 -1 -1 -1 -127"


def test_what_is_no_java_is_told_with_its_place_and_does_not_run(worker: Started, tmp_path: Path) -> None:
    script = written(tmp_path, "Wrong.java", "class Wrong {\n  int f( { }\n}\n")

    with pytest.raises(ScriptInvalid, match=rf"^{script}:2:10: "):
        worker.loaded(script)


def test_what_does_not_compile_is_told_with_its_place(worker: Started, tmp_path: Path) -> None:
    with pytest.raises(ScriptInvalid, match=rf"^{tmp_path}/Typo\.java:4:\d+: cannot find symbol, symbol: +variable nam"):
        worker.loaded(body(tmp_path, "Typo", "return nam;"))
    with pytest.raises(ScriptInvalid, match=r"Types\.java:4:\d+: incompatible types"):
        worker.loaded(body(tmp_path, "Types", 'return "x";'))


def test_an_exception_of_the_top_level_is_an_error_of_the_load_with_its_line(worker: Started, tmp_path: Path) -> None:
    script = body(tmp_path, "TopLevel", "return 0;", '\nstatic int x = Integer.parseInt("?");')

    with pytest.raises(ScriptInvalid, match=rf"^{script}:3: java\.lang\.NumberFormatException: ") as caught:
        worker.loaded(script)
    assert "at TopLevel.<clinit>(TopLevel.java:3)" in caught.value.detail


def test_a_script_needs_a_main_that_gives_an_int_or_nothing(worker: Started, tmp_path: Path) -> None:
    with pytest.raises(ScriptInvalid, match="expected public static int main"):
        worker.loaded(written(tmp_path, "Nothing.java", "class Nothing { }"))
    assert run(worker, written(tmp_path, "Void.java", "class Void { public static void main() { } }")).code == 0
    with pytest.raises(ScriptInvalid, match="expected public static int main"):
        worker.loaded(written(tmp_path, "Bool.java", "class Bool { static boolean main(String[] a) { return true; } }"))


def test_of_several_classes_that_named_as_the_file_has_main(worker: Started, tmp_path: Path) -> None:
    one = "class One { public static int main(String[] args) { return 1; } }\n"
    two = "class Two { public static int main(String[] args) { return 2; } }\n"

    assert run(worker, written(tmp_path, "Two.java", one + two)).code == 2
    assert run(worker, written(tmp_path, "Other.java", "class Three { }" + one + two)).code == 1


def test_entries_run_by_their_name_with_the_same_statics(worker: Started, tmp_path: Path, host: MessageHost) -> None:
    script = written(
        tmp_path,
        "Routes.java",
        "import SR.PV;\npublic class Routes {\n  static int runs;\n"
        '  public static int request(String name) { PV.setS("$var(n)", name == null ? "none" : name); return ++runs; }\n'
        "  public static String branch() { runs++; return null; }\n"
        "  private static void hidden() { }\n  public static int two(int a) { return a; }\n}\n",
    )
    generation = worker.loaded(script)

    assert generation.entries == {"request", "branch"}
    assert run(worker, generation, host, "bob", entry="request").code == 1
    assert host.get_s("$var(n)") == "bob"
    assert run(worker, generation, entry="branch").code == 0
    assert run(worker, generation, entry="request").code == 3
    with pytest.raises(EntryMissing):
        run(worker, generation)


def test_fresh_gives_new_statics(worker: Started, tmp_path: Path) -> None:
    generation = worker.loaded(body(tmp_path, "Counts", "return ++count;", "static int count;"))

    assert [run(worker, generation, fresh=fresh).code for fresh in (False, False, True, True, False)] == [1, 2, 1, 1, 2]


def test_two_scripts_have_different_helpers_of_one_name(worker: Started, tmp_path: Path) -> None:
    generations = []
    for number in (1, 2):
        directory = tmp_path / str(number)
        script = body(directory, "Uses", "return Util.number() + lib.Deep.number();")
        written(directory, "Util.java", f"class Util {{ static int number() {{ return {number}; }} }}")
        deep = "package lib; public class Deep { public static int number() { return Deeper.number(); } }"
        written(directory, "lib/Deep.java", deep)
        written(directory, "lib/Deeper.java", "package lib; class Deeper { static int number() { return 10; } }")
        generations.append(worker.loaded(script))

    assert [run(worker, generation).code for generation in generations] == [11, 12]
    assert generations[0].helpers["lib/Deeper.java"]
    assert generations[0].helpers["Util.class"] is None


def compiled(source: Path, output: Path, *more: str) -> None:
    sr = java.ensure().sr
    subprocess.run(["javac", "-cp", f"{sr}:{output}", "-d", output, *more, source], check=True, timeout=120)


def test_a_class_file_runs_with_the_classes_beside_it(worker: Started, tmp_path: Path) -> None:
    written(tmp_path, "src/Util.java", "package p; class Util { static class In { static int number() { return 5; } } }")
    written(tmp_path, "src/Uses.java", "package p; class Uses { public static int main() { return Util.In.number(); } }")
    compiled(tmp_path / "src" / "Uses.java", tmp_path, "-sourcepath", str(tmp_path), str(tmp_path / "src" / "Util.java"))

    generation = worker.loaded(tmp_path / "p" / "Uses.class")

    assert {name for name, helper in generation.helpers.items() if helper} == {"Util.class", "Util$In.class"}
    assert run(worker, generation).code == 5


def jar(place: Path, classes: Path, manifest: str) -> Path:
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\n{manifest}\n")
        for file in classes.rglob("*.class"):
            archive.write(file, str(file.relative_to(classes)))
    return place


def test_a_jar_runs_with_those_of_its_class_path(worker: Started, tmp_path: Path) -> None:
    written(tmp_path, "src/Util.java", "package lib; public class Util { public static int number() { return 6; } }")
    written(tmp_path, "src/Uses.java", "public class Uses { public static int main() { return lib.Util.number(); } }")
    compiled(tmp_path / "src" / "Util.java", tmp_path / "lib")
    (tmp_path / "own").mkdir()
    compiled(tmp_path / "src" / "Uses.java", tmp_path / "own", "-cp", str(tmp_path / "lib"))
    jar(tmp_path / "util.jar", tmp_path / "lib", "")
    script = jar(tmp_path / "Uses.jar", tmp_path / "own", "Main-Class: Uses\nClass-Path: util.jar gone.jar /etc/x.jar\n")

    generation = worker.loaded(script)

    assert {name: helper is not None for name, helper in generation.helpers.items()} == {"util.jar": True, "gone.jar": False}
    assert run(worker, generation).code == 6
    with pytest.raises(ScriptInvalid, match="Main-Class"):
        worker.loaded(tmp_path / "util.jar")


def test_a_class_that_is_asked_for_by_name_is_found_at_load_and_while_it_runs(worker: Started, tmp_path: Path) -> None:
    written(tmp_path, "src/Plugin.java", "public class Plugin { public static int version = 7; }")
    compiled(tmp_path / "src" / "Plugin.java", tmp_path)
    get = 'Class.forName("Plugin").getField("version").getInt(null)'
    top = f"static int got; static {{ try {{ got = {get}; }} catch (ReflectiveOperationException e) {{ got = -1; }} }}"
    at_load = worker.loaded(body(tmp_path, "AtLoad", "return got;", top))
    late = worker.loaded(body(tmp_path, "Late", f'try {{ Class.forName("Gone"); }} catch (ClassNotFoundException e) {{ return {get}; }} return 0;'))

    assert run(worker, at_load).code == 7
    assert at_load.helpers["Plugin.class"]
    assert not late.helpers
    assert run(worker, late).code == 7


def test_a_copy_that_was_changed_is_not_loaded(worker: Started, tmp_path: Path) -> None:
    generation = worker.loaded(body(tmp_path, "Changed", "return 0;"))
    (worker.copies / generation.file.hash).write_text("class Changed { }")

    with pytest.raises(ScriptInvalid, match="the runner's copy was changed"):
        worker.conversation.load(generation, soon())


def test_old_generations_are_collected_and_their_files_removed(worker: Started, tmp_path: Path) -> None:
    builds = worker.copies.with_name("builds")
    for number in range(30):  # each keeps 64 MiB, and the heap has 1024 MiB
        held = f"static byte[] held = new byte[(64 << 20) + {number}];"
        assert run(worker, body(tmp_path, "Holds", "return held.length >> 20;", held)).code == 64
    assert len(list(builds.iterdir())) <= len(worker.conversation.holdings.loaded)
