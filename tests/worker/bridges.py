"""The other end of a worker's wire, which says what a test wants."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from runner.hosts.embedded.host import MessageHost
from runner.scripts.foresight import Plan
from runner.wire.channel import Channel
from runner.wire.events import CAN_UNSAID
from runner.wire.session import Session, State
from runner.worker.conversation import Conversation
from runner.worker.holdings import Holdings
from tests.places import INVITE
from tests.programs import WAIT_S
from tests.worker.workers import soon

if TYPE_CHECKING:
    from collections.abc import Callable

    from runner.scripts.generation import Generation
    from runner.worker.outcome import ExecOutcome


EXITING = b'{"jsonrpc":"2.0","method":"exiting","params":{"code":3,"exec":0}}\n'
PID = 4312


def result(**members: Any) -> dict[str, Any]:
    return {"result": members}


def threw(code: int, **data: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": "boom", "data": data}}


def question(method: str, *args: object) -> dict[str, Any]:
    return {"id": 1, "method": method, "params": list(args)}


def exiting(during: bool) -> Callable[[int], bytes]:  # noqa: FBT001  # the one thing that it says
    return lambda number: EXITING.replace(b'"exec":0', b'"exec":%d' % (number if during else 0))


PLAN = Plan(
    reads=(("PV.GetS", "$rm"),),
    edits=(("PV.SetS", "$var(a)"),),
    as_json={"reads": [["PV.GetS", "$rm", 0]], "edits": [["PV.SetS", "$var(a)", 1, "any"]]},
    takes=(str,),
    methods=(("set_s", "$var(a)"),),
    all_used=1,
    always=1,
)
DONE = result(code=0, used=0, edits=[])
LOADED = result(needs=[])


class Bridge:
    """
    The other end of a wire: it keeps each line that comes, and answers it with the next of these, in order.

    A result or an error is that of the last load or exec. After the last answer the process ends, unless it stays.

    Attributes:
        says: The descriptor that it writes to.
        thread: Ends with the process.
    """

    def __init__(self, *answers: dict[str, Any] | Callable[[int], bytes], stays: bool = True) -> None:
        their_reads, our_writes = os.pipe()
        our_reads, their_writes = os.pipe()
        self.heard: list[dict[str, Any]] = []
        session = Session(1 << 20, State.IDLE)
        holdings = Holdings(can=CAN_UNSAID)
        self.conversation = Conversation(Channel(our_reads, our_writes), session, PID, follows=0, holdings=holdings)
        self.says = their_writes
        self._reads = their_reads
        self._answers, self._stays = answers, stays
        self.thread = threading.Thread(target=self._speak, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.conversation.end()
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()

    def load(self, generation: Generation) -> tuple[str, ...]:
        return self.conversation.load(generation, soon())

    def exec(
        self,
        generation: Generation,
        param: str | None = None,
        *,
        host: Any = None,
        seconds: float = WAIT_S,
        **more: Any,
    ) -> ExecOutcome:
        deadline = time.monotonic() + seconds
        return self.conversation.exec(generation, param, host or MessageHost(INVITE), deadline, **more)

    def _speak(self) -> None:
        number = 0
        with os.fdopen(self._reads, "rb") as lines, contextlib.suppress(BrokenPipeError):
            for answer in self._answers:
                if not (line := lines.readline()):
                    break
                self.heard.append(json.loads(line))
                number = self.heard[-1]["id"] if "method" in self.heard[-1] else number
                if callable(answer):
                    os.write(self.says, answer(number))
                else:
                    whole = {"jsonrpc": "2.0", "id": number} | answer
                    os.write(self.says, json.dumps(whole, separators=(",", ":")).encode() + b"\n")
            if self._stays:
                lines.read()
        os.close(self.says)
