"""
The lanes of one worker, and the line that starts an exec where there is none yet.

Must not know what a lane does; ``runner.lane`` has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runner.errors import ConfigError
from runner.lane.choice import Lane
from runner.lane.lane import SHARE_AHEAD
from runner.scripts.foresight import EMPTY
from runner.wire import messages

from . import host_calls

if TYPE_CHECKING:
    from collections.abc import Collection

    from runner.calls import Host
    from runner.scripts.foresight import Foresight, Plan
    from runner.scripts.generation import Generation
    from runner.wire.channel import Channel
    from runner.wire.session import Session

    from .holdings import Holdings
    from .outcome import ExecOutcome
    from .placement import Placement


class Lanes:
    """
    What one worker was told of the builds that it has loaded, each with its lane.

    Attributes:
        session, channel: The wire.
        placement, holdings: Of the worker.
        by_build: The lanes, by build and entry; the entry is None for Main.
    """

    __slots__ = ("by_build", "channel", "holdings", "placement", "session")

    def __init__(self, session: Session, channel: Channel, placement: Placement, holdings: Holdings) -> None:
        self.session = session
        self.channel = channel
        self.placement = placement
        self.holdings = holdings
        self.by_build: dict[tuple[str, str | None], Lane] = {}

    def edit(self, host: Host, plan: Plan, edits: list[Any], outcome: ExecOutcome, *, deadline: float) -> None:
        """As ``host_calls.edit``."""
        host_calls.edit(self.placement.pid, host, plan, edits, outcome, deadline=deadline)

    def refuse(self, plan: Plan, number: int, value: Any, outcome: ExecOutcome, error: Exception | None) -> None:
        """As ``host_calls.refuse``."""
        host_calls.refuse(self.placement.pid, plan, number, value, outcome, error=error)

    def forget(self, ids: Collection[str]) -> None:
        """These builds are not loaded any more, or were loaded again: the worker knows nothing of them."""
        self.by_build = {key: lane for key, lane in self.by_build.items() if key[0] not in ids}

    def first_line(
        self,
        generation: Generation,
        param: str | None,
        host: Host,
        plan: Plan,
        outcome: ExecOutcome,
        *,
        foresight: Foresight,
        is_foreseen: bool,
        fresh: bool,
        entry: str | None,
    ) -> bytes:
        """
        The line that starts an exec, with the plan when the worker does not have it yet. From then on it has a lane.

        Raises:
            ConfigError: As ``Session.exec``.
        """
        key, can, session = (generation.id, entry), self.holdings.can, self.session
        ahead, certain = "", 0
        if plan is not EMPTY:
            ahead, certain = plan.ahead(host, session.max_line_bytes // SHARE_AHEAD, edits="edits" in can)
        lane = self.by_build.get(key)
        if ahead and (lane is None or lane.plan is not plan):
            ahead = messages.plan(plan.as_json) + ahead
            lane = None
        if lane is None and (ahead or plan is EMPTY) and (entry is None or entry in (generation.entries or ())):
            self.by_build[key] = Lane(self, generation, plan, foresight=foresight, entry=entry)
        if not is_foreseen or outcome.profile is not None:
            ahead += host_calls.extras(host, outcome, can)
        try:
            line = session.exec(
                generation.id, param, fresh=fresh, entry=entry, ahead=ahead, certain=certain, takes=plan.takes
            )
        except ConfigError:
            self.by_build.pop(key, None)  # the line was too long, so a plan in it was not sent
            raise
        if outcome.profile is not None:
            outcome.profile.encoded()
        return line
