"""Scripts in JavaScript, run by a real Node: what an exec gives, and what no script can do to its worker."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runner.errors import EntryMissing, ExecTimeout, ScriptError, WorkerDied
from runner.hosts.embedded.host import MessageHost
from runner.wire.session import State
from runner.worker.outcome import ExecOutcome, Profile
from tests.bridges.node import SHELF, Node, body
from tests.bridges.started import goes_on
from tests.places import INVITE, ROOT
from tests.programs import WAIT_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runner.scripts.generation import Generation

MANUAL = ROOT / "examples" / "MySRTest.js"
OLD_LOG = [(1, "Kamailio API Version: 1.0\n"), (3, "Request URI is: sip:bob@example.com\n")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with Node(tmp_path_factory.mktemp("node")) as running:
        yield running


@pytest.fixture
def node(shared: Node) -> Node:
    """A worker that other tests use too: they leave it as it was."""
    assert shared.conversation.state is State.IDLE
    shared.conversation.holdings.retire_reason = ""
    return shared


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Node]:
    """A worker for one test, which may end it."""
    place = tmp_path / "worker"
    place.mkdir()
    with contextlib.suppress(WorkerDied), Node(place) as running:
        yield running


@pytest.fixture
def host() -> MessageHost:
    return MessageHost(INVITE)


def test_the_manuals_sample_does_what_it_does_in_csharp(node: Node) -> None:
    generation = node.loaded(MANUAL)

    for _ in range(4):  # the values and edits that it is known for come with the later ones
        host = MessageHost(INVITE)
        outcome = node.run(generation, host=host)
        assert (outcome.code, host.logs, host.get_s("$ru")) == (1, OLD_LOG, "sip:123@example.com")
        assert host.reply_headers == ["My-Mono-Hdr: ok\r\n"]

    assert outcome.used
    assert not outcome.asked


def test_the_number_lookup_answers_as_in_csharp(node: Node, tmp_path: Path) -> None:
    table, generation = tmp_path / "numbers.txt", node.loaded(ROOT / "examples" / "NumberLookup.js")

    def answered(param: str | None) -> tuple[Any, ...]:
        host = MessageHost(INVITE)
        code = node.run(generation, param, host).code
        return code, host.get_s("$var(code)"), host.get_s("$var(reason)"), host.reply_headers

    table.write_text("alice sip:alice@192.0.2.1\n", encoding="ascii")
    assert answered(None) == (1, "500", "Server Internal Error", [])
    assert answered(str(table)) == (1, "404", "Not Found", [])

    table.write_text("alice sip:alice@192.0.2.1\nbob\tsip:bob@192.0.2.7\n", encoding="ascii")
    assert answered(str(table)) == (1, "302", "Moved Temporarily", ["Contact: <sip:bob@192.0.2.7>\r\n"])


# The shelf.


def test_an_uncaught_exception_has_type_message_and_a_stack_of_the_script_alone(node: Node, host: MessageHost) -> None:
    with pytest.raises(ScriptError, match=r"^RangeError: boom$") as caught:
        node.run(SHELF / "Throws.js", host=host)

    assert caught.value.detail == f"RangeError: boom\n    at exports.main ({SHELF / 'Throws.js'}:5:11)"
    assert host.get_s("$var(x)") == "set before"
    assert node.run(MANUAL).code == 1


@pytest.mark.parametrize("code", [0, 3, 256, -1])
def test_process_exit_gives_its_code(own: Node, host: MessageHost, code: int) -> None:
    outcome = own.run(SHELF / "Exits.js", str(code), host)

    assert (outcome.code, host.logs) == (code, [(1, "before exit")])
    assert own.conversation.state is State.CLOSED
    assert own.process.wait(WAIT_S) in {code & 0xFF, -signal.SIGKILL}  # as below, where it computed for long


def test_process_exit_ends_a_process_whose_watch_waits_for_the_runner(own: Node, tmp_path: Path) -> None:
    """Bug: the watch waits where main computes for longer than 10 ms, and node waited for the watch."""
    code = "const until = Date.now() + 200;\nwhile (Date.now() < until) {}\nprocess.exit(3);"

    assert own.run(body(tmp_path, code)).code == 3
    assert own.process.wait(WAIT_S) in {3, -signal.SIGKILL}


def test_the_last_words_of_an_endless_loop_arrive(own: Node, host: MessageHost) -> None:
    with goes_on(lambda: own.run(SHELF / "Loops.js", host=host)):
        until(lambda: host.logs == [(1, "last words")], "they have arrived")
        own.process.kill()


def test_an_endless_loop_ends_at_the_deadline_and_with_the_hang_up(own: Node, host: MessageHost) -> None:
    with pytest.raises(ExecTimeout):
        own.run(SHELF / "Loops.js", host=host, seconds=0.5)
    own.conversation.end()

    assert own.process.wait(WAIT_S) < 0


def test_a_stuck_script_says_where_it_is(own: Node, host: MessageHost) -> None:
    with goes_on(lambda: own.run(SHELF / "Loops.js", host=host)):
        until(lambda: host.logs, "it loops")
        for times in (1, 2):
            os.kill(own.process.pid, signal.SIGQUIT)
            until(lambda: own.log.count(f"    at exports.main ({SHELF / 'Loops.js'}:7:") == times, "there is a stack")  # noqa: B023
        own.process.kill()

    assert "bridge" not in own.log


def test_a_worker_that_is_asked_where_it_is_stuck_goes_on(own: Node) -> None:
    os.kill(own.process.pid, signal.SIGQUIT)

    assert own.run(MANUAL).code == 1
    assert own.run(MANUAL).code == 1


def test_a_hang_up_ends_a_worker_that_waits(own: Node) -> None:
    own.run(MANUAL)
    own.conversation.end()

    assert own.process.wait(WAIT_S) < 0


def test_prints_of_a_script_and_its_child_reach_the_log_and_never_the_wire(own: Node) -> None:
    assert own.run(SHELF / "Prints.js").code == 3

    for line in ("from the console", "from the error stream", '"result":{"code":0}}', "from a child"):
        assert line in own.log


@pytest.mark.parametrize("name", ["ReadsStdin", "Allocates", "Recurses"])
def test_a_script_of_the_shelf_is_true(node: Node, name: str) -> None:
    assert node.run(SHELF / f"{name}.js").code == 0


def test_a_thread_that_is_left_behind_retires_the_worker(own: Node) -> None:
    assert own.run(SHELF / "LeavesAThread.js").code == 0
    assert own.conversation.holdings.retire_reason == "threads"


def test_lone_surrogates_are_bytes_or_the_error_value(node: Node, host: MessageHost) -> None:
    node.run(SHELF / "OddBytes.js", host=host)

    assert host.logs == [(1, "log \ufffd goes on")]
    assert host.get_s("$var(got)") == "-1 -1 0 0"
    assert (host.get_s("$var(bytes)"), host.get_s("$var(pair)")) == ("\udc80\udcff", "\U0001f600")


def test_null_arguments_give_the_error_values_and_never_reach_the_wire(node: Node, host: MessageHost) -> None:
    node.run(SHELF / "NullArguments.js", host=host)

    assert host.get_s("$var(got)") == "null 0 -1 -1 -1 -1 -1 -1 -1 -1 -1 -127"
    assert host.logs == []


def test_a_call_of_an_old_timer_gets_its_error_value_in_a_later_exec(tmp_path: Path) -> None:
    with Node(tmp_path, leftover="keep") as node:
        generation, host = node.loaded(SHELF / "CallsLate.js"), MessageHost(INVITE)

        assert node.run(generation, "start", host).code == 0
        assert node.run(generation, "wait", host).code == 0

        assert (host.get_s("$var(old)"), host.get_s("$var(new)")) == ("0", "called")
        assert node.conversation.holdings.retire_reason == ""


# What main gives.


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("return 2147483647;", 2147483647),
        ("return;", 0),
        ("return args.length;", 0),
        ("return Promise.resolve(4);", 4),
        ("return new Promise((done) => setTimeout(done, 5, 6));", 6),
    ],
)
def test_a_result_is_a_number_of_32_bits_or_nothing(node: Node, tmp_path: Path, code: str, expected: int) -> None:
    assert node.run(body(tmp_path, code)).code == expected
    assert node.conversation.holdings.retire_reason == ""


@pytest.mark.parametrize("value", ["true", "2147483648", "1.5", "'0'", "Promise.resolve(false)"])
def test_any_other_result_is_an_error_that_says_what_was_expected(node: Node, tmp_path: Path, value: str) -> None:
    with pytest.raises(ScriptError, match="expected main to return a whole number of 32 bits, or nothing, got "):
        node.run(body(tmp_path, f"return {value};"))


@pytest.mark.parametrize(
    ("code", "summary"),
    [
        ("throw null;", "null: null"),
        ("throw undefined;", "undefined: undefined"),
        ("throw 'a text';", "string: a text"),
        ("throw { toString() { throw 1; } };", "object: (no description: it threw an exception)"),
        ("class MyError extends Error {}\nthrow new MyError('own');", "MyError: own"),
        ("const f = (n) => f(n + 1) + n;\nreturn f(0);", "RangeError: Maximum call stack size exceeded"),
        ("return new Promise((_, no) => setTimeout(no, 1, new TypeError('late')));", "TypeError: late"),
        ("setTimeout(() => { throw new Error('timer'); }, 1);\nreturn new Promise(() => {});", "Error: timer"),
        ("Promise.reject(new Error('alone'));\nreturn new Promise(() => {});", "Error: alone"),
    ],
)
def test_whatever_is_thrown_is_described_and_the_next_exec_works(
    node: Node, tmp_path: Path, code: str, summary: str
) -> None:
    with pytest.raises(ScriptError) as caught:
        node.run(body(tmp_path, code))

    assert str(caught.value) == summary
    assert node.run(MANUAL).code == 1


DEEP = """
const tried = (f) => { try { f(); } catch (e) { if (!(e instanceof RangeError)) throw e; } };
for (const call of [() => Core.log(1, "x"), () => PV.getI("$n"), () => PV.isNull("$n")]) {
    let left = 300;
    const deeper = () => { tried(deeper); if (left > 0) { left--; tried(call); } };
    deeper();
}
return PV.getS("$rU") === "bob" ? 0 : 1;
"""


def test_a_stack_that_is_full_in_the_middle_of_a_call_breaks_no_conversation(node: Node, tmp_path: Path) -> None:
    for _ in range(3):
        assert node.run(body(tmp_path, DEEP)).code == 0


def test_a_child_of_a_script_has_nothing_of_the_wire(own: Node, tmp_path: Path) -> None:
    code = 'return require("child_process").spawnSync("ls", ["/proc/self/fd"]).stdout.toString().split("\\n").length;'

    assert own.run(body(tmp_path, code)).code == 5  # 0 to 2, and that of the directory


def test_a_promise_that_is_never_kept_ends_at_the_deadline(own: Node, tmp_path: Path) -> None:
    with pytest.raises(ExecTimeout):
        own.run(body(tmp_path, "return new Promise(() => {});"), seconds=0.5)


def test_a_worker_that_is_out_of_memory_is_retired(own: Node, tmp_path: Path) -> None:
    script = body(tmp_path, "new ArrayBuffer(2 ** 52);")

    with pytest.raises(ScriptError, match="Array buffer allocation failed"):
        own.run(script)

    assert own.conversation.holdings.retire_reason == "memory"


def test_an_exit_by_what_main_left_behind_belongs_to_its_exec(own: Node, tmp_path: Path) -> None:
    assert own.run(body(tmp_path, "setImmediate(() => process.exit(5));\nreturn 1;")).code == 5


# Entries, statics, execs within each other.

ENTRIES = Path(__file__).parent.parent / "wire" / "transcripts" / "node" / "Entries.js"


def test_entries_are_named_at_the_load_and_share_what_the_module_keeps(node: Node, host: MessageHost) -> None:
    generation = node.loaded(ENTRIES)

    assert sorted(generation.entries or ()) == ["branch", "request"]
    assert [node.run(generation, "x", host, entry="request").code for _ in range(2)] == [1, 2]
    assert node.run(generation, host=host, entry="branch").code == 0
    assert node.run(generation, host=host).code == 43
    with pytest.raises(EntryMissing):
        node.run(generation, entry="gone")


def test_a_fresh_exec_runs_the_top_level_again_where_there_is_no_message(node: Node, tmp_path: Path) -> None:
    script = tmp_path / "script.js"
    script.write_text(
        'const { Core, PV } = require("SR");\nCore.err("at load");\nlet runs = PV.getS("$ru") === null ? 0 : 9;\n'
        "exports.main = () => ++runs;\n",
        encoding="ascii",
    )
    generation, host = node.loaded(script), MessageHost(INVITE)

    assert [node.run(generation, host=host, fresh=fresh).code for fresh in (False, False, True, False)] == [1, 2, 1, 2]
    assert host.logs == []


class Nesting(MessageHost):
    """``ModF`` of an entry runs it within the exec that asks."""

    def __init__(self, node: Node, generation: Generation) -> None:
        super().__init__(INVITE)
        self.errors: list[BaseException] = []
        self._node, self._generation = node, generation

    def modf(self, function: str, *_arguments: str) -> int:
        outcome = ExecOutcome()
        try:
            with self._node.conversation.within():
                self._node.run(self._generation, None, self, entry=function, outcome=outcome)
        except ScriptError as error:
            self.errors.append(error)
        return -1 if outcome.code is None else outcome.code


NESTS = """
const got = [Core.modF("inner"), Core.modF("waits"), PV.get("$rU")];
return got.join() === "1,-1,bob" && runs === 1 ? 0 : 1;
};
let runs = 0;
exports.inner = () => ++runs;
exports.waits = async () => {
"""


def test_an_exec_within_another_shares_its_module_and_cannot_wait(node: Node, tmp_path: Path) -> None:
    generation = node.loaded(body(tmp_path, NESTS))
    host = Nesting(node, generation)

    assert node.run(generation, host=host).code == 0
    assert [str(error) for error in host.errors] == [
        "Error: expected a script that does not wait: it runs within the exec of another one"
    ]


def test_a_profiled_exec_says_how_long_it_took(node: Node) -> None:
    spent: dict[str, int] = {}
    outcome = ExecOutcome()
    outcome.profile = Profile(spent)
    outcome.profile.begin()

    assert node.run(MANUAL, outcome=outcome).code == 1
    assert spent["script"] > 0
    assert spent["decode"] > 0


# What was counted, and what came ahead.


def test_texts_beyond_the_bounds_are_dropped_and_counted(node: Node, tmp_path: Path) -> None:
    host = MessageHost(INVITE)

    node.run(body(tmp_path, 'for (let i = 0; i < 1500; i++) Core.log(1, "x");'), host=host)

    assert len(host.logs) == 1000
    assert host.logs[-1] == (0, "501 more texts were dropped\n")


CALLS = """
const got = [];
got.push(PV.getS("$rU"), PV.setS("$rU", "123"), PV.getS("$rU"), PV.getI("$var(n)"), PV.setI("$var(n)", 5));
got.push(PV.getI("$var(n)"), PV.unset("$avp(x)"), PV.isNull("$avp(x)"), PV.isNull("$nonsense"));
got.push(HDR.append("X-A: 1\\r\\n"), HDR.insert("X-I: 1\\r\\n"), HDR.remove("Max-Forwards"));
got.push(HDR.appendToReply("X-R: 1\\r\\n"), Core.modF("none"), PV.setS("$var(a)", 7));
got.push(PV.GetS("$var(a)"), Core.APIVersion(), Core.apiVersion());
Core.log(1, got.join(" "));
return 0;
"""


def test_calls_give_the_same_ahead_and_asked(node: Node, tmp_path: Path) -> None:
    generation = node.loaded(body(tmp_path, CALLS))
    seen = []
    for _ in range(5):
        host = MessageHost(INVITE)
        outcome = node.run(generation, host=host)
        seen.append((host.logs, host.message_bytes(), host.reply_headers))

    assert outcome.certain > 0
    assert seen[0][0][1:] == [(1, "bob 0 123 0 0 5 0 1 -1 0 0 0 0 -127 0 7 1.0 1.0")]
    assert all(each == seen[0] for each in seen)
