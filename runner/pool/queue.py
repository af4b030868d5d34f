"""
The callers that wait for a worker, and who of them gets which slot.

Must not wait, start or end anything: all of it happens under the lock of ``Slots``.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from typing import TYPE_CHECKING

from .slot import Slot, State

if TYPE_CHECKING:
    from runner.scripts.generation import Generation

    from .slots import Slots
    from .warming import Warming


class Request:
    """
    One caller that wants a worker; the event says that ``slot`` or ``refusal`` was set.

    While it is patient it waits for a worker that loads a build ahead, rather than start another one.
    """

    def __init__(self, generation: Generation | None, user: int | None, *, may_start: bool = True) -> None:
        self.may_start = may_start
        self.generation = generation
        self.user = user
        self.event = threading.Event()
        self.is_patient = True
        self.slot: Slot | None = None
        self.refusal = ""


class Queue:
    """
    The callers that wait, the first one first. Every method is called under the lock of ``slots``.

    Args:
        slots: The slots to give out.
        warming: Which builds are slow the first time.

    Attributes:
        requests: The callers; at most ``max_queue_size``.
    """

    __slots__ = ("_slots", "_warming", "requests")

    def __init__(self, slots: Slots, warming: Warming) -> None:
        self.requests: deque[Request] = deque()
        self._slots = slots
        self._warming = warming

    def enter(self, request: Request) -> None:
        """Serve a caller at once, or let it wait behind all others. When too many wait, one of them is refused."""
        self.requests.append(request)
        self.assign()
        if not request.event.is_set() and len(self.requests) > self._slots.settings.max_queue_size:
            loser = self._one_too_many()
            self.requests.remove(loser)
            loser.refusal = f"no worker is free and {_callers(len(self.requests))} already waiting; {self.numbers()}"
            loser.event.set()

    def put_back(self, request: Request) -> None:
        """Let a caller wait in front of all others, because the slot that it got had no worker that lives."""
        request.event.clear()
        self.requests.appendleft(request)
        self.assign()

    def withdraw(self, request: Request) -> None:
        """Forget a caller that gives up, also one that was interrupted between assignment and use."""
        if request in self.requests:
            self.requests.remove(request)
        if (slot := request.slot) is not None:
            if slot.state is State.STARTING:
                self._slots.remove(slot)
            else:
                slot.state = State.IDLE
            self.assign()

    def users(self) -> set[int]:
        """Whose clients wait."""
        return {request.user for request in self.requests if request.user is not None}

    def warm(self, generation: Generation | None, user: int | None) -> list[Slot]:
        """
        The workers that have run a build which is slow the first time; a caller of it waits for one of these.

        One that a client keeps does not count: the client may have nothing to run for hours, and is asked to give it
        back only at its next exec. Empty for a build that is not slow.
        """
        if generation is None or not self._warming.is_slow(generation, user):
            return []
        shared = [slot for slot in self._slots.all if not (slot.is_lent and slot.is_kept)]
        return [slot for slot in shared if slot.has_run(generation) and slot.may_serve(user)]

    def numbers(self) -> str:
        """How many workers there are, for a message to a caller that got none."""
        slots = self._slots
        why = f"; starts fail: {slots.start_error}" if slots.start_error else ""
        return f"{len(slots.all)} of {slots.settings.max_workers} workers, all busy{why}"

    def assign(self) -> None:
        """
        Give slots to callers that wait. Whoever changes a slot or the queue calls this.

        Next is the user whose clients hold the fewest workers, and of that user's callers the one that came first. It
        is refused where waiting is of no use. Otherwise it gets an idle worker that may run its build, or a new slot
        to start one in, unless a worker is soon free. Without either it waits, and so do those behind it, so that a
        build that is hard to place is not overtaken for ever.
        """
        overtaken: set[Request] = set()
        while waiting := [request for request in self.requests if request not in overtaken]:
            held = Counter(slot.lent_to for slot in self._slots.all if slot.is_lent)
            request = min(waiting, key=lambda waiting: held[waiting.user])
            generation, user = request.generation, request.user
            # A build that is slow the first time goes to a worker that has run it, where there is one.
            warm = self.warm(generation, user)
            request.refusal = self._refusal(request, warm)
            if not request.refusal:
                idle = self._slots.idle()
                able = [slot for slot in idle if (slot in warm if warm else _may_run(slot, generation, user))]
                slot = max(able, key=lambda slot: slot.rank(generation), default=None)
                if slot is not None:
                    slot.state = State.LEASED
                elif warm or not request.may_start or self._is_soon_served(request):
                    overtaken.add(request)  # the slots that it does not wait for may serve others meanwhile
                    continue
                elif (slot := self._new_slot(user)) is None:
                    return
                request.slot = slot
            self.requests.remove(request)
            request.event.set()

    def _is_soon_served(self, request: Request) -> bool:
        loading = (slot for slot in self._slots.all if slot.state is State.PREPARING)
        return request.is_patient and any(_may_run(slot, request.generation, request.user) for slot in loading)

    def _new_slot(self, user: int | None) -> Slot | None:
        """A new slot, where necessary in place of an idle worker that cannot serve the caller; None without room."""
        slots, idle = self._slots, self._slots.idle()
        if idle and len(slots.all) >= slots.settings.max_workers and not slots.backoff.is_waiting():
            oldest = min(idle, key=lambda slot: slot.living.holdings.last_used)
            why = "bound to other helpers" if oldest.may_serve(user) else "lent to another user before"
            slots.retire(oldest, f"{why}, no room beside it")
        return slots.reserve()

    def _refusal(self, request: Request, warm: list[Slot]) -> str:
        """Why waiting is useless for a caller; empty when it is not. ``warm`` is what ``self.warm`` gives for it."""
        slots, generation = self._slots, request.generation
        if slots.is_closed:
            return "the pool is closed"
        if generation is not None and not warm and (refusal := self._warming.refusal(generation, request.user)):
            return refusal
        if not slots.all and slots.backoff.is_waiting():
            return f"no worker can be started, next try in {slots.backoff.left_s():.1f} s: {slots.start_error}"
        return ""

    def _one_too_many(self) -> Request:
        """The caller that is refused when one too many waits: the last one of the user who has the most waiting."""
        waiting = Counter(request.user for request in self.requests)
        most = max(waiting.values())
        return next(request for request in reversed(self.requests) if waiting[request.user] == most)


def _callers(count: int) -> str:
    return "1 caller is" if count == 1 else f"{count} callers are"


def _may_run(slot: Slot, generation: Generation | None, user: int | None) -> bool:
    return slot.may_serve(user) and slot.fits(generation)
