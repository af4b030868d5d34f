"""Whatever serves the socket can neither end a client's process nor hold it beyond its deadline."""

from __future__ import annotations

import contextlib
import copy
import json
import socket
import threading
import time
from typing import Any

import pytest

from runner.client.lease import Lease
from runner.control.connection import Control, ControlError
from runner.control.kinds import Malformed
from runner.control.messages import HelloAnswer, LeaseAnswer
from runner.errors import RunnerError
from runner.hosts.embedded.host import MessageHost
from tests.hostile_daemon import ANSWER, GENERATION, SCRIPT, WORKER
from tests.places import INVITE
from tests.programs import WAIT_S

WRONG: list[Any] = [None, True, -1, 1.5, 10**30, "", 'x"y', [], [[]], [None], {}, {"x": []}, {"x": None}]
# Values that are valid in their place, although they are in the list above.
RIGHT: dict[str, list[Any]] = {
    "stamps": [None], "worker": [None], "keep": [True], "is_ours": [True], "fresh": [True],
    "is_placed": [True], "is_local": [True], "bound": [{}], "ran": [{}], "loaded": [[]],
    "max_execs": [None, 10**30], "max_loads": [None, 10**30],
    "execs": [10**30], "loads": [10**30], "max_line_bytes": [10**30], "path": ["", 'x"y'],
    "helpers": [{}, {"x": None}], "files": [{}], "entries": [None, []],
    "runtime": ["", 'x"y'], "can": [[]], "node": ["", 'x"y'],
}  # fmt: skip


@pytest.mark.parametrize("name", [*ANSWER, *WORKER, *GENERATION])
def test_an_answer_of_another_shape_is_refused_as_a_whole(name: str) -> None:
    for value in WRONG:
        answer = copy.deepcopy(ANSWER)
        for part in (answer, answer["worker"], answer["generation"], answer["worker"]["loaded"][0]):
            if name in part:
                part[name] = value
                break
        if any(type(value) is type(right) and value == right for right in RIGHT.get(name, [])):
            assert json.loads(json.dumps(LeaseAnswer.read(answer).as_json())) == answer
        else:
            with pytest.raises(Malformed, match=rf"{name}.*: expected .*, got "):
                LeaseAnswer.read(answer)


def test_an_answer_with_a_missing_member_is_refused() -> None:
    assert json.loads(json.dumps(LeaseAnswer.read(ANSWER).as_json())) == ANSWER
    for name in ANSWER.keys() - {"entries"}:  # which a daemon of before does not say
        with pytest.raises(Malformed, match=f"^{name}: expected .*, got nothing"):
            LeaseAnswer.read({key: value for key, value in ANSWER.items() if key != name})
    for name in WORKER.keys() - {"runtime", "can", "node"}:
        with pytest.raises(Malformed, match=f"^worker.{name}: expected .*, got nothing"):
            LeaseAnswer.read({**ANSWER, "worker": {key: value for key, value in WORKER.items() if key != name}})


@pytest.mark.parametrize(
    "messages",
    [7, {}, [7], [[]], [["a", "b"]], [["a", [], 1]], [["a", "b", "c"]], [["a", "b", True]]]
    + [[["a", "b", seconds]] for seconds in (-1, 10**400, float("inf"), float("nan"))],
    ids=lambda messages: repr(messages)[:30],
)
def test_refused_messages_of_another_shape_are_refused(messages: Any) -> None:
    with pytest.raises(Malformed, match=r"^refused: expected a list of at most 4096 \[script, Call-ID, seconds\]"):
        HelloAnswer.read({"refused": messages})


class Endless(Control):
    """The connection to a daemon that is faster than its client: the next notice is always there."""

    notices = 0

    def has_news(self) -> bool:
        return True

    def receive(self, deadline: float) -> dict[str, Any]:
        if time.monotonic() >= deadline:
            raise ControlError("nothing in time")
        self.notices += 1
        return {"method": "swap", "params": {"lease": "1e", "reason": "again"}}


def test_endless_notices_do_not_hold_up_a_client() -> None:
    ours, theirs = socket.socketpair()
    client = Lease("/nowhere/control.sock")
    client._link.control = endless = Endless(ours)

    def execs() -> None:
        while not endless.notices:  # a busy machine may give it no time before its deadline
            with contextlib.suppress(RunnerError):
                client.exec(SCRIPT, None, MessageHost(INVITE), time.monotonic() + 0.1)

    thread = threading.Thread(target=execs, daemon=True)
    thread.start()
    thread.join(WAIT_S)
    ended = not thread.is_alive()
    endless.has_news = lambda: False  # type: ignore[method-assign]
    thread.join(WAIT_S)
    theirs.close()
    client.close()

    assert ended, "an exec goes on beyond its deadline"
    assert endless.notices > 0
