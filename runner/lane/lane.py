"""
The lane in Python: an exec of a build that a worker knows, from the values to the answer, in one function.

The turn before has emptied the caches, so each call of Python costs several times what it costs in a loop. The lane
does what ``Conversation.exec`` does for the exec and the answer that nearly always come, and leaves all others to it.
``_lane.c`` is the same in C; tests/lane holds the two against each other.

*An exec is plain* when the worker is idle and has the plan, the host says what can be sent ahead, neither new statics
nor a profile are wanted, and the line goes out whole or not at all (pipe(7), PIPE_BUF). *An answer is plain* when
``wire.common_turn`` reads it as the result, with no more edits than are made without a look at the clock. All of an
answer is understood before any of it is applied. Must not know pools, leases, or which build is current.
"""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING, cast

from runner.errors import HostFault
from runner.wire import common_turn
from runner.wire.channel import READ_BYTES
from runner.wire.events import Done
from runner.wire.session import AFTER_EXEC, AFTER_RESULT, State

if TYPE_CHECKING:
    from runner.calls import Foreseen, Host
    from runner.scripts.foresight import Foresight, Plan
    from runner.scripts.generation import Generation
    from runner.worker.lanes import Lanes
    from runner.worker.outcome import ExecOutcome

SHARE_AHEAD = 4  # of the longest line; longer values are asked for instead
LONG_S = 0.002  # an exec that takes longer gains nothing from its place, and should not occupy its client's CPU
MOST_EDITS = 16  # of a plain answer; more are made with looks at the clock
_IDLE = State.IDLE  # an Enum's members are looked up by a call


class Lane:
    """
    The short way for one build, or one entry of it, in one worker.

    Attributes:
        generation: The build; it is loaded there.
        plan: What the worker was told last of what is foreseen.
    """

    __slots__ = (
        "_channel",
        "_edit",
        "_entry",
        "_foresight",
        "_holdings",
        "_longest",
        "_placement",
        "_session",
        "_takes_edits",
        "generation",
        "plan",
    )

    def __init__(
        self, lanes: Lanes, generation: Generation, plan: Plan, *, foresight: Foresight, entry: str | None
    ) -> None:
        self.generation = generation
        self.plan = plan
        self._foresight = foresight
        self._entry = entry
        self._session, self._channel = lanes.session, lanes.channel
        self._placement, self._holdings = lanes.placement, lanes.holdings
        self._edit = lanes.edit
        self._takes_edits = "edits" in lanes.holdings.can
        self._longest = min(select.PIPE_BUF, lanes.session.max_line_bytes // SHARE_AHEAD)

    def exec(
        self, generation: Generation, param: str | None, host: Host, deadline: float, outcome: ExecOutcome
    ) -> bytes | bool:
        """
        Run the build, as ``Conversation.exec`` would.

        Returns:
            True: it is done, and ``outcome`` says what it did. False: it is not plain, and nothing was sent. Bytes:
            it was sent, and these came in answer, or none yet; ``Conversation.exec`` has to go on with them.

        Raises:
            HostFault: As ``Conversation.exec``.
        """
        session, plan, placement = self._session, self.plan, self._placement
        if (
            session.state is not _IDLE
            or session.rest
            or self.generation is not generation
            or self._foresight.plan is not plan
            or not hasattr(host, "depends_on")
        ):
            return False
        ahead, certain = "", 0
        if plan.as_json:
            ahead, certain = plan.ahead(host, self._longest, edits=self._takes_edits)
            if not ahead or session.state is not _IDLE:  # the host may have run an exec meanwhile
                return False
        number = session.requests + 1
        line, awaited = common_turn.exec_line(number, generation.id, param, ahead, fresh=False, entry=self._entry)
        began = time.monotonic()
        if len(line) > self._longest or began >= deadline:
            return False
        if placement.left:
            placement.left -= 1
        elif placement.is_wanted:
            placement.follow()
        # Before the GIL is released: whoever ends a worker leaves the wire of one that is in a turn to its thread.
        session.state = AFTER_EXEC
        try:
            os.write(self._channel.writes, line)
        except OSError:
            if session.state is AFTER_EXEC:
                session.state = _IDLE
            return False
        session.requests = session.request_id = number
        self._holdings.execs += 1
        try:
            data = os.read(self._channel.reads, READ_BYTES)
        except BlockingIOError:
            try:
                data = self._channel.receive(deadline)
            except TimeoutError:
                data = b""
        except OSError:  # closed by another thread that ended the worker
            data = b""
        done = None
        if len(data) <= session.max_line_bytes and session.state is AFTER_EXEC:
            done = common_turn.read(data, awaited, certain, plan.takes)
        if type(done) is not Done or len(done.edits) > MOST_EDITS:
            session.begun(awaited, certain, plan.takes)
            return data
        session.state = AFTER_RESULT
        outcome.code, outcome.used, _, _, edits, outcome.has_ended_routing = done
        if edits:
            self._edit(host, plan, edits, outcome, deadline=deadline)
        self._holdings.last_used = ended = time.monotonic()
        if ended - began >= LONG_S:
            placement.free()
        if outcome.used != plan.all_used:
            self._foresight.learn(cast("Foreseen", host), plan, outcome.used, ())
        if outcome.refused:
            raise HostFault(outcome.refusal())
        return True
