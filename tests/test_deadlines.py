"""No wait of the runner is without an end: the sources are read for calls that could block for ever."""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.places import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

SOURCES = sorted([*(ROOT / "runner").rglob("*.py"), *(ROOT / "kamailio").glob("*.py")])

# Methods that wait without an end when they get no argument at all, and what would bound them.
BARE = {"wait", "join", "get", "acquire", "poll", "communicate", "result", "accept", "select"}
BOUNDED_BY_KEYWORD = {"run": "timeout", "check_output": "timeout", "check_call": "timeout"}
# Bounded by what is passed or was set before, so each has to say how.
WAITS = {"flock", "waitpid", "readline", "connect"}
READS = {"recv", "recvfrom", "recvmsg", "recv_into", "sendall"}
OS_CALLS = {"read", "write"}  # of ``os``: on a descriptor that may be a pipe

# File, function and method; each of them for one call.
ALLOWED = {
    ("runner/wire/channel.py", "Channel.turn", "write"): "the pipe does not block",
    ("runner/cluster/relay.py", "Relay.write", "write"): "the same",
    ("runner/cluster/relay.py", "Relay._read", "read"): "the same",
    ("runner/cluster/leases.py", "Leases._refuse", "result"): "of a future that is done",
    ("runner/cluster/opening.py", "_opened", "connect"): "a task; it is waited for with CONNECT_S",
    ("runner/cluster/opening.py", "opened", "result"): "of a task that is done",
    ("runner/cluster/opening.py", "_opened", "result"): "of a future that is done",
    ("runner/cluster/opening.py", "_leave", "result"): "of a task that is done",
    ("runner/cluster/connection.py", "Connection._keep", "wait"): "the task that stands by for the end of a connection",
    ("runner/cluster/connection.py", "Connection.request", "wait"): "a task beside the request, which has a timeout",
    ("runner/wire/channel.py", "Channel.turn", "read"): "the same",
    ("runner/lane/lane.py", "Lane.exec", "write"): "the same",
    ("runner/lane/lane.py", "Lane.exec", "read"): "the same",
    ("runner/wire/channel.py", "Channel.send", "write"): "the same; a poll before it, with the time that is left",
    ("runner/wire/channel.py", "Channel.receive", "read"): "the same",
    ("runner/scripts/files.py", "_read_all", "read"): "a regular file, which the open before it made sure of",
    ("runner/worker/stderr.py", "Tail.pump", "read"): "a pipe that does not block",
    ("runner/worker/stderr.py", "Drain._wake", "write"): "the same",
    ("runner/worker/stderr.py", "Drain._run", "read"): "the same",
    (
        "runner/control/connection.py",
        "Control.connect",
        "connect",
    ): "the socket's timeout, from the deadline that it takes",
    ("runner/client/link.py", "Link.connect", "connect"): "Control.connect takes a deadline",
    ("runner/client/link.py", "Link.await_daemon", "connect"): "Link.connect takes one",
    ("runner/client/lease.py", "Lease._listen", "connect"): "the same",
    ("runner/cli/admin.py", "request", "connect"): "the same",
    ("runner/cli/top.py", "_keys.key", "read"): "after a poll with the time that is left",
    ("runner/cli/private_kamailio.py", "free_port", "connect"): "UDP: it only names the other end",
    ("runner/cli/private_kamailio.py", "Kamailio.is_alive", "poll"): "of a process: it only looks",
    ("runner/daemon/access.py", "bound", "flock"): "LOCK_NB",
    ("runner/compilers/worker.py", "CompileWorker._ask", "read"): "after a poll with the time that is left",
    ("runner/mcs.py", "locked", "flock"): "LOCK_NB, again and again until LOCK_TIMEOUT_S",
    ("runner/worker/rundir.py", "run_directory", "flock"): "a file that nobody else knows yet",
    ("runner/worker/rundir.py", "_remove_dead", "flock"): "LOCK_NB",
    (
        "runner/worker/stderr.py",
        "Drain._run",
        "select",
    ): "no caller waits for the drain; who wants something of it wakes it",
    ("runner/control/connection.py", "Control._read", "recvmsg"): "after a poll with the time that is left",
    ("runner/listener.py", "Listener.serve", "recvfrom"): "the socket's timeout, LOOK_S",
    ("runner/listener.py", "Listener._work", "get"): "a thread that waits for work; its end is put into the queue",
    (
        "runner/daemon/daemon.py",
        "Daemon._accept",
        "accept",
    ): "the accepting thread is no caller; the end shuts the socket down",
}


def calls(sources: list[Path], root: Path) -> list[tuple[str, str, str, int]]:
    """File, function, method and line of each call that could wait for ever; "" for a function: outside of any."""
    found = []
    for path in sources:
        name = str(path.relative_to(root))
        for function, node in nodes(ast.parse(path.read_text(encoding="utf-8")), ""):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            method = node.func.attr
            is_made = (
                isinstance(node.func.value, ast.Name) and node.func.value.id == "select"
            )  # select.poll() makes one
            is_bare = method in BARE and not node.args and not node.keywords and not is_made
            needed = BOUNDED_BY_KEYWORD.get(method)
            is_process = isinstance(node.func.value, ast.Name) and node.func.value.id == "subprocess"
            is_endless = is_process and needed is not None and needed not in {word.arg for word in node.keywords}
            is_os = isinstance(node.func.value, ast.Name) and node.func.value.id == "os" and method in OS_CALLS
            if is_bare or is_endless or is_os or method in READS | WAITS:
                found.append((name, function, method, node.lineno))
    return found


def nodes(tree: ast.AST, within: str) -> Iterator[tuple[str, ast.AST]]:
    """All below ``tree``, each with the function around it, named as in "Class.method.inner"."""
    for node in ast.iter_child_nodes(tree):
        yield within, node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from nodes(node, f"{within}.{node.name}".lstrip("."))
        else:
            yield from nodes(node, within)


def endless(sources: list[Path], root: Path, allowed: Iterable[tuple[str, str, str]]) -> list[str]:
    """The calls that no exception stands for; one stands for one call."""
    left = Counter(list(allowed))
    found = []
    for name, function, method, line in calls(sources, root):
        left[name, function, method] -= 1
        if left[name, function, method] < 0:
            found.append(f"{name}:{line}: {method} in {function}")
    return found


def test_every_wait_has_an_end() -> None:
    assert endless(SOURCES, ROOT, ALLOWED) == []


def test_an_exception_is_for_one_call_and_not_for_its_file(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    good = "class C:\n    def good(self):\n        s.recv(1)\n"
    file.write_text(good + "        s.recv(2)\n    def bad(self):\n        s.recv(3)\ns.recv(4)\n", encoding="utf-8")

    found = endless([file], tmp_path, [("file.py", "C.good", "recv")])

    assert sorted(found) == ["file.py:4: recv in C.good", "file.py:6: recv in C.bad", "file.py:7: recv in "]


def test_every_exception_is_still_needed() -> None:
    assert {(name, function, method) for name, function, method, _ in calls(SOURCES, ROOT)} >= set(ALLOWED)


@pytest.mark.parametrize(
    "code",
    [
        "a.wait()",
        "t.join()",
        "q.get()",
        "l.acquire()",
        "subprocess.run([])",
        "s.recv(1)",
        "s.select()",
        "os.read(3, 1)",
    ],
)
def test_the_reader_finds_what_it_looks_for(code: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(code, encoding="utf-8")

    assert [name for name, *_ in calls([bad], tmp_path)] == ["bad.py"]


# The bridge waits for the runner and for its script. What ends those waits is outside of it. File and wait, as written.
BRIDGE_WAIT = re.compile(
    r"= \(int\)(?:Read|Write)\(|Native\.Poll\(|Thread\.Sleep\(|ReadWord\(eventFd"
    r"|\.GetResult\(\)|\.WaitOne\(|\.Join\(\)|\.Wait\("
)
BRIDGE_ALLOWED = {
    ("Native.cs", "= (int)Read("): (
        1,
        "the next line of the runner, or the end of the wire, at which the watch ends the process",
    ),
    ("Native.cs", "= (int)Write("): (1, "the runner reads until its deadline, and then hangs up"),
    ("Native.cs", "ReadWord(eventFd"): (1, "after a poll that found it readable"),
    ("WireWatch.cs", "Native.Poll("): (1, "the watch itself, for the hang-up"),
    ("StrayThreads.cs", "Thread.Sleep("): (1, "one millisecond"),
    ("Calls.cs", ".Wait("): (2, "the exec that runs within, up to its deadline, which is that of both"),
    ("Entry.cs", ".GetResult()"): (5, "the script's own method, up to the deadline of its exec"),
}


def test_each_wait_of_the_bridge_is_ended_by_the_wire_or_the_deadline_of_the_exec() -> None:
    found = Counter(
        (path.name, wait)
        for path in [*(ROOT / "bridge").glob("*.cs"), *(ROOT / "lib").glob("*.cs")]
        for wait in BRIDGE_WAIT.findall(path.read_text(encoding="utf-8"))
    )

    assert found == {where: count for where, (count, _) in BRIDGE_ALLOWED.items()}
