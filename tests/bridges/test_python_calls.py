"""bridge/python: the calls of a script, answered ahead or by the host, on any thread, and execs within each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from runner.errors import ScriptError
from runner.hosts.embedded.host import MessageHost
from tests.bridges.pythons import SHELF, Python, python
from tests.bridges.started import soon
from tests.places import INVITE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Python]:
    with python(tmp_path) as started:
        yield started


def test_every_call_reaches_the_host_and_has_its_names_of_app_mono_too(worker: Python) -> None:
    code = worker.result(
        "assert PV.set_s('$var(a)', 'x') == PV.SetS('$var(a)', 'x') == 0\n"
        "assert PV.get('$var(a)') == PV.get_s('$var(a)') == PV.GetS('$var(a)') == 'x'\n"
        "assert PV.set_i('$var(n)', 5) == PV.SetI('$var(n)', 5) == 0\n"
        "assert PV.get_i('$var(n)') == PV.GetI('$var(n)') == 5\n"
        "assert PV.is_null('$du') == PV.IsNull('$du') == 1\n"
        "assert PV.unset('$var(a)') == PV.Unset('$var(a)') == 0\n"
        "assert HDR.append('A: b\\r\\n') == HDR.Append('A: b\\r\\n') == 0\n"
        "assert HDR.insert('A: b\\r\\n') == HDR.Insert('A: b\\r\\n') == 0\n"
        "assert HDR.remove('A') == HDR.Remove('A') == 0\n"
        "assert HDR.append_to_reply('A: b\\r\\n') == HDR.AppendToReply('A: b\\r\\n') == 0\n"
        "assert Core.mod_f('nothing') == Core.ModF('nothing', 'a', 1) == -127\n"
        "Core.err('e'); Core.Err('e'); Core.dbg('d'); Core.Dbg('d'); Core.Log(1, 'n')\n"
        "assert Core.APIVersion() == '1.0'\n"
        "return 0"
    )

    assert code == 0
    assert worker.logs[-5:] == [(-1, "e"), (-1, "e"), (3, "d"), (3, "d"), (1, "n")]
    assert ("Core.ModF", ["nothing", "a", "1"], -127) in worker.asked()


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("PV.set_s('$x', 5)", "TypeError: PV.set_s: expected a text, got int"),
        ("PV.get(b'$ru')", "TypeError: PV.get: expected a text, got bytes"),
        ("PV.set_i('$x', 1.5)", "TypeError: PV.set_i: expected a whole number, got float"),
        ("PV.set_i('$x', 1 << 31)", "OverflowError: PV.set_i: expected a whole number of 32 bits"),
        ("Core.log('1', 'x')", "TypeError: Core.log: expected a whole number, got str"),
        ("KSR.tm.t_relay(1.5)", "TypeError: KSR.tm.t_relay: expected a whole number, got float"),
        ("KSR.tm.t_relay(None)", "SR.KsrError: KSR.tm.t_relay: expected a text as argument 1, got None"),
        ("KSR.x.modf('f')", "SR.KsrError: KSR.x.modf crashes Kamailio"),
        ("KSR.nothing.at_all()", "SR.KsrError: KSR.nothing.at_all"),
    ],
)
def test_an_argument_of_another_type_and_a_call_that_kamailio_refuses_are_exceptions(
    worker: Python, call: str, error: str
) -> None:
    with pytest.raises(ScriptError) as raised:
        worker.result(call)

    assert str(raised.value).startswith(error)


def test_functions_of_kemi_are_attributes_and_ksr_is_a_module_too(worker: Python) -> None:
    code = worker.result(
        "import KSR as module\n"
        "assert module is KSR and KSR.pv.sets('$var(a)', 'x') and KSR.pv.get('$var(a)') == 'x'\n"
        "KSR.info('into the log')\n"
        "return 0 if KSR.is_INVITE() else 1"
    )

    assert code == 0
    assert worker.logs == [(2, "into the log")]


@pytest.mark.parametrize("call", ["exit", "drop"])
def test_ksr_x_exit_ends_the_script_from_any_depth_and_with_it_the_routing(worker: Python, call: str) -> None:
    outcome = worker.run(
        worker.load(
            "from SR import KSR\n"
            "def deep():\n"
            f"    try: KSR.x.{call}()\n    except Exception: KSR.info('caught')\n    finally: KSR.info('bye')\n"
            "def main():\n    deep()\n    return 9\n"
        )
    )

    assert (outcome.code, outcome.has_ended_routing) == (0, True)
    assert worker.logs == [(2, "bye")]


def test_exit_on_another_thread_ends_the_exec_at_its_next_call(worker: Python) -> None:
    outcome = worker.run(
        worker.load(
            "import threading\nfrom SR import KSR, PV\n"
            "def main():\n"
            "    thread = threading.Thread(target=KSR.x.exit)\n    thread.start()\n    thread.join()\n"
            "    PV.get('$ru')\n    return 9\n"
        )
    )

    assert (outcome.code, outcome.has_ended_routing) == (0, True)
    assert worker.asked() == []


def test_threads_that_begin_during_the_exec_call_for_it(worker: Python) -> None:
    code = worker.result(
        "import threading\n"
        "got = []\n"
        "def work():\n    for _ in range(25): got.append(PV.get('$rm'))\n"
        "threads = [threading.Thread(target=work) for _ in range(8)]\n"
        "for each in threads: each.start()\n"
        "for each in threads: each.join()\n"
        "return got.count('INVITE')"
    )

    assert code == 200
    assert worker.started.conversation.holdings.retire_reason == ""


def test_a_thread_that_is_older_than_the_exec_gets_error_values(worker: Python) -> None:
    late = worker.started.loaded(SHELF / "CallsLate.py")
    worker.run(late)

    assert worker.run(late).code == 1
    assert worker.asked() == [("PV.SetS", ["$var(answer)", "-1-1"], 0)]
    assert worker.logs == []


def test_threads_that_call_on_after_main_returned_hurt_nobody(worker: Python) -> None:
    code = worker.result(
        "import threading\n"
        "begun = threading.Semaphore(0)\n"
        "def work():\n"
        "    for call in range(1 << 30):\n"
        "        PV.set_s('$var(thread)', 'x'); PV.get('$rm'); Core.log(3, 'from a thread')\n"
        "        if call == 3: begun.release()\n"
        "for _ in range(4): threading.Thread(target=work, daemon=True).start()\n"
        "for _ in range(4): begun.acquire()\n"
        "return 5"
    )

    assert code == 5
    assert worker.started.conversation.holdings.retire_reason == "threads"
    assert worker.result("return 3") == 3


def test_null_arguments_give_the_error_values_of_app_mono(worker: Python) -> None:
    assert worker.shelf("NullArguments").code == 0
    assert worker.asked() == [("PV.SetS", ["$var(got)", "null 0 -1 -1 -1 -1 -1 -1 -1 -1 -1 -127"], 0)]
    assert worker.logs == []


def test_bytes_cross_as_surrogates_and_other_surrogates_never_reach_the_wire(worker: Python) -> None:
    assert worker.shelf("OddBytes").code == 0
    assert worker.logs == [(1, "log \ufffd goes on")]
    assert [args for _, args, _ in worker.asked()] == [
        ["$var(bytes)", "\udc80\udcff"],
        ["$var(pair)", "\U0001f600"],
        ["$var(got)", "-1 -1 0 0"],
    ]


def test_texts_beyond_the_bound_are_counted(worker: Python) -> None:
    assert worker.result("for i in range(1005): Core.log(1, 'x')") == 0
    assert len(worker.logs) == 1000
    assert worker.logs[-1] == (0, "6 more texts were dropped\n")


CHAIN = """
import threading
from SR import Core, HDR, PV, KSR
def main(args):
    PV.set_s("$var(before)", PV.get("$ru"))
    Core.log(1, "between\\n")
    PV.set_s("$rU", "123")
    PV.set_s("$var(after)", PV.get("$ru"))
    KSR.hdr.append_to_reply("A: " + PV.get("$rU") + "\\r\\n")
    PV.set_i("$var(n)", PV.get_i("$rs") + PV.is_null("$du"))
    HDR.append("B: " + str(KSR.pv.get("$var(n)")) + "\\r\\n")
    KSR.pv.sets("$var(last)", "odd \\u00e9\\udc80")
    return 0 if KSR.is_INVITE() else 1
"""


def test_values_ahead_and_certain_edits_change_nothing_of_what_a_script_sees(worker: Python) -> None:
    generation = worker.load(CHAIN)
    seen = []
    for _ in range(4):
        host = MessageHost(INVITE)
        outcome = worker.started.conversation.exec(generation, None, host, soon())
        seen.append(
            (outcome.code, host.logs, host.message_bytes(), host.get_s("$var(after)"), host.get_s("$var(last)"))
        )

    assert seen[0][0] == 0
    assert seen[0][3] == "sip:123@example.com"
    assert seen[1:] == seen[:-1]
    assert outcome.used, "values came ahead and were used"
    assert generation.foresight.plan.edits, "edits were certain"


def test_a_question_while_others_think_keeps_the_order_of_edits(worker: Python) -> None:
    """An edit of one thread must not leave while another one waits for its answer."""
    generation = worker.load(
        "import threading\nfrom SR import PV, KSR\n"
        "def main():\n"
        "    PV.set_s('$rU', 'a')\n"
        "    threads = [threading.Thread(target=work) for _ in range(4)]\n"
        "    for each in threads: each.start()\n"
        "    for i in range(50): PV.set_s('$rU', f'm{i}')\n"
        "    for each in threads: each.join()\n"
        "    return 0\n"
        "def work():\n"
        "    for i in range(20): PV.get('$var(x)'); PV.set_s('$rU', f't{i}')\n"
    )

    assert [worker.run(generation).code for _ in range(5)] == [0] * 5


def test_an_exec_runs_within_another_one_that_waits_for_its_answer(worker: Python) -> None:
    generation = worker.load(
        "from SR import PV\nruns = 0\n"
        "def main(args):\n"
        "    global runs\n"
        "    answer = PV.get('$var(route)')\n"
        "    runs += 1\n"
        "    return runs\n"
        "def branch(name):\n"
        "    global runs\n"
        "    runs += 10\n"
        "    PV.set_s('$var(name)', name)\n"
    )
    other = worker.load("__import__('json')\ndef main(): return 5\n", "Other.py")
    conversation = worker.started.conversation
    codes: list[int | None] = []

    class Routes(MessageHost):
        def get_s(self, name: str) -> str | None:
            if name == "$var(route)":
                for inner, entry in ((generation, "branch"), (other, None)):
                    with conversation.within():
                        codes.append(conversation.exec(inner, "bob", self, soon(), entry=entry).code)
            return super().get_s(name)

    host = Routes(INVITE)
    assert conversation.can_nest is False
    assert conversation.exec(generation, None, host, soon()).code == 11
    assert (codes, host.get_s("$var(name)")) == ([0, 5], "bob")
