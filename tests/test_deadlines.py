"""No wait of the runner is without an end: the sources are read for calls that could block for ever."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "runner").rglob("*.py"), *(ROOT / "kamailio").glob("*.py")])

# Methods that wait without an end when they get no argument at all, and what would bound them.
BARE = {"wait", "join", "get", "acquire", "poll", "communicate", "result", "accept", "select"}
BOUNDED_BY_KEYWORD = {"run": "timeout", "check_output": "timeout", "check_call": "timeout"}
# Bounded by what is passed or was set before, so each has to say how.
WAITS = {"flock", "waitpid", "readline", "connect"}
READS = {"recv", "recvfrom", "recvmsg", "recv_into", "sendall"}

ALLOWED = {
    ("runner/channel.py", "recv"): "SO_RCVTIMEO of the socket, from the deadline of the exec",
    ("runner/control.py", "connect"): "the socket's timeout, from the deadline; Control.connect takes one",
    ("runner/lease.py", "connect"): "Control.connect takes a deadline",
    ("runner/cli/control.py", "connect"): "the same",
    ("runner/access.py", "flock"): "LOCK_NB",
    ("runner/build.py", "flock"): "LOCK_NB, again and again until LOCK_TIMEOUT_S",
    ("runner/rundir.py", "flock"): "LOCK_NB, or a file that nobody else knows yet",
    ("runner/drain.py", "select"): "the drain is no caller; whoever wants something of it wakes it through a pipe",
    ("runner/control.py", "recvmsg"): "after a poll with the time that is left",
    ("runner/listener.py", "recvfrom"): "the socket's timeout, LOOK_S",
    (
        "runner/listener.py",
        "get",
    ): "a thread of the listener that waits for work is no caller; its end is put into the queue",
    ("runner/sandbox.py", "recvmsg"): "without waiting, after a poll with the time that is left",
    ("runner/serve.py", "accept"): "the accepting thread is no caller; the end shuts the socket down",
}


def calls(sources: list[Path], root: Path) -> list[tuple[str, str, int]]:
    """File, method and line of each call that could wait for ever."""
    found = []
    for path in sources:
        name = str(path.relative_to(root))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
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
            if is_bare or is_endless or method in READS | WAITS:
                found.append((name, method, node.lineno))
    return found


def test_every_wait_has_an_end() -> None:
    endless = [
        f"{name}:{line}: {method}" for name, method, line in calls(SOURCES, ROOT) if (name, method) not in ALLOWED
    ]

    assert endless == []


def test_every_exception_is_still_needed() -> None:
    assert {(name, method) for name, method, _ in calls(SOURCES, ROOT)} >= set(ALLOWED)


@pytest.mark.parametrize(
    "code", ["a.wait()", "t.join()", "q.get()", "l.acquire()", "subprocess.run([])", "s.recv(1)", "s.select()"]
)
def test_the_reader_finds_what_it_looks_for(code: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(code, encoding="utf-8")

    assert [name for name, _, _ in calls([bad], tmp_path)] == ["bad.py"]
