"""Scripts in Java, run by the real worker, through the conversation that the runner has with it."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptError, WorkerError
from runner.hosts.embedded.host import MessageHost
from tests.bridges.java_worker import NO_JAVAC, Plain, body, run, started, written
from tests.bridges.started import goes_on
from tests.places import INVITE, ROOT, SHELF
from tests.programs import WAIT_S, has_ended, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bridges.started import Started

pytestmark = pytest.mark.skipif(bool(NO_JAVAC), reason=NO_JAVAC)

MANUAL = ROOT / "examples" / "MySRTest.java"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """One worker for all tests that leave it as it was."""
    with started(tmp_path_factory.mktemp("worker")) as process:
        yield process


@pytest.fixture
def host() -> MessageHost:
    return MessageHost(INVITE)


def shelf(name: str) -> Path:
    return SHELF / "java" / f"{name}.java"


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
        kill = 'new ProcessBuilder("kill", "" + ProcessHandle.current().pid()).start().waitFor();'
        script = body(tmp_path, "Dies", f"{kill} Thread.sleep(60000); return 0;")
        with pytest.raises(WorkerError):
            run(worker, script)


def test_the_hang_up_ends_a_script_that_loops_and_its_children(tmp_path: Path, host: MessageHost) -> None:
    statements = 'PV.setS("$var(pid)", "" + new ProcessBuilder("sleep", "1000").start().pid()); while (true) { }'
    with started(tmp_path) as worker:
        generation = worker.loaded(body(tmp_path, "Loops1", statements))
        with goes_on(lambda: run(worker, generation, Plain(host))):
            until(lambda: host.get_s("$var(pid)") != "0", "it has started its child")
            worker.conversation.end()
        worker.process.wait(WAIT_S)

        until(lambda: has_ended(int(host.get_s("$var(pid)") or 0)), "its child has ended")


def test_the_last_words_of_a_script_that_loops_arrive(tmp_path: Path, host: MessageHost) -> None:
    with started(tmp_path) as worker:
        generation = worker.loaded(shelf("Loops"))
        with goes_on(lambda: run(worker, generation, host)):
            until(lambda: host.logs == [(1, "last words")], "they have arrived")
            worker.process.kill()


def test_sigquit_prints_the_stack_of_a_stuck_script_to_the_log(tmp_path: Path, host: MessageHost) -> None:
    with started(tmp_path) as worker:
        generation = worker.loaded(shelf("Loops"))
        with goes_on(lambda: run(worker, generation, host)):
            until(lambda: host.logs, "it loops")
            worker.process.send_signal(signal.SIGQUIT)

            until(lambda: "at Loops.main(Loops.java:10)" in worker.log, "the stack is in the log")
            worker.process.kill()


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
        "int result = java.util.concurrent.CompletableFuture.supplyAsync(() -> 5).get();"
        "java.util.concurrent.ForkJoinPool.commonPool().awaitQuiescence(30, java.util.concurrent.TimeUnit.SECONDS);"
        "return result;"
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
        String task = java.util.concurrent.CompletableFuture.supplyAsync(() -> PV.get("$rm")).get();
        return answered.get() + ("INVITE".equals(task) ? 1000 : 0);"""
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
        assert run(worker, shelf("Allocates")).code == 0
        with pytest.raises(ScriptError, match="OutOfMemoryError"):
            run(worker, shelf("RunsOutOfMemory"))
        assert worker.conversation.holdings.retire_reason == "memory"


def test_a_stack_that_overflows_is_an_exception(worker: Started) -> None:
    assert run(worker, shelf("Recurses")).code == 0
    with pytest.raises(ScriptError, match="StackOverflowError"):
        run(worker, shelf("OverflowsTheStack"))
    assert run(worker, shelf("Recurses")).code == 0


def test_a_stack_that_overflows_in_a_call_breaks_no_turn(worker: Started, tmp_path: Path) -> None:
    """On its way up a script makes a call at each depth, until there is room for one."""
    more = (
        "static boolean isMade;\n static void deeper() { try { deeper(); } finally { if (!isMade) {"
        ' PV.getI("$var(n)"); Core.dbg("x"); isMade = true; } } }'
    )
    generation = worker.loaded(body(tmp_path, "Deeper", "isMade = false; deeper(); return 0;", more))

    for _ in range(20):
        with pytest.raises(ScriptError, match="StackOverflowError"):
            run(worker, generation, Plain(MessageHost(INVITE)))
    assert "stack overflow in" not in worker.log  # Java's own warning when one comes while a lock is taken
    assert run(worker, MANUAL).code == 1


def test_bytes_come_through_and_other_lone_surrogates_do_not(worker: Started, host: MessageHost) -> None:
    run(worker, shelf("OddBytes"), host)

    assert host.logs == [(1, "log \ufffd and \0 go on")]
    assert host.get_s("$var(bytes)") == "\udc80\udcff"
    assert host.get_s("$var(got)") == "-1 -1 0 0 0"


def test_null_arguments_give_error_values(worker: Started, host: MessageHost) -> None:
    run(worker, shelf("NullArguments"), host)

    assert host.logs == []
    assert host.get_s("$var(got)") == "null 0 -1 -1 -1 -1 -1 -1 -1 -1 -1 -127"
