"""
What a script will ask, learned from its execs: values that travel with an exec, and edits that cannot fail.

A guess saves a turn on the wire and never changes what a script sees: the bridge drops a value that an edit may have
changed, and asks for what was not sent. Must not know turns, nor Kamailio's names: the host says what depends on what.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.calls import CALLS, KSR_EDITS
from runner.wire.messages import AHEAD, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.calls import Foreseen

MAX_READS = 32
MAX_EDITS = 32
MAX_ONCE = 64  # edits that were asked for once. They are learned at the second time, so names that never repeat are not
LONGEST_VALUE = 1024  # characters; a longer value is asked for when it is needed
LONGEST_NAME = 64
UNUSED_EXECS = 16  # a value that this many execs in a row did not use is no longer sent
ABSENT = "false"
"""In the place of a value that is not sent. A result that is a bool travels as 0 or 1."""


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What goes with each exec of one generation.

    Attributes:
        reads: Call and name of each value, in the order in which values travel.
        edits: Call and target of each edit that the host may call certain, in the order of their bits.
        as_json: What a worker gets, once: ``{reads: [[call, name, group], ...], edits: [[call, target, group, takes],
            ...]}``. An edit may change the values of its own group; nothing changes those of group 0.
        takes: The type of the value that each edit writes.
        methods: The host's method for each edit, and its target; None where the method takes the value alone.
        all_used: The bits of all reads.
        always: The bits of edits that are certain on every message.
        asked: The others: call, target and bit.
    """

    reads: tuple[tuple[str, str], ...] = ()
    edits: tuple[tuple[str, str], ...] = ()
    as_json: dict[str, Any] = field(default_factory=dict)
    takes: tuple[type, ...] = ()
    methods: tuple[tuple[str, str | None], ...] = ()
    all_used: int = 0
    always: int = 0
    asked: tuple[tuple[str, str, int], ...] = ()

    def ahead(self, host: Any, longest: int, *, edits: bool = True) -> tuple[str, int]:
        """
        What travels with an exec.

        Args:
            host: Has the values.
            longest: Characters that may travel; when these are more, nothing does, and the script asks instead.
            edits: Whether the worker takes certain edits; else none is called so.

        Returns:
            The values and the edits that cannot fail now, as text (``wire.messages.AHEAD``), with ``ABSENT`` for what
            cannot be read or is too long; and those edits as bits.
        """
        values = []
        for call, name in self.reads:
            try:
                if call == "PV.GetS":
                    value = host.get_s(name)
                elif call in CALLS:
                    value = getattr(host, CALLS[call].method)(name)
                else:
                    value = host.ksr(call, [name] if name else [])
                    value = int(value) if value is not None and type(value) is not str else value
            except Exception:  # noqa: BLE001 - the script asks again when it needs it, and gets the fault then
                value = False
            kind = type(value)
            if kind is str:
                values.append(quoted(value) if len(value) <= LONGEST_VALUE else ABSENT)
            else:
                values.append("null" if value is None else str(value) if kind is int else ABSENT)
        certain = self.always if edits else 0
        for call, target, bit in self.asked if edits else ():
            if host.is_certain(call, target):
                certain |= bit
        text = AHEAD % (",".join(values), certain)
        return (text, certain) if len(text) <= longest else ("", 0)

    def shown_edit(self, number: int, value: Any) -> str:
        """An edit with its value, as a script would write it; at most 200 characters."""
        call, target = self.edits[number]
        return f"{call}{(target, value) if target else (value,)!r:.200}"


EMPTY = Plan()


class Foresight:
    """
    What was learned of one generation, or of one of its entries. Everybody who runs it shares it, from any thread.

    Attributes:
        plan: What goes with each exec of Main, or of that entry.
        entries: The names of the generation's entries, as its load said; None before that.
    """

    __slots__ = ("_edits", "_learning", "_of", "_once", "_unused", "entries", "plan")

    def __init__(self) -> None:
        self.plan = EMPTY
        self.entries: frozenset[str] | None = None
        self._of: dict[str, Foresight] = {}
        self._unused: dict[tuple[str, str], int] = {}
        self._edits: dict[tuple[str, str], tuple[str, str]] = {}
        self._once: set[tuple[str, str]] = set()
        self._learning = threading.Lock()

    def of(self, entry: str) -> Foresight:
        """What was learned of an entry: another one reads other things. Of one that is not known nothing is kept."""
        found = self._of.get(entry)
        if found is not None:
            return found
        return self._of.setdefault(entry, Foresight()) if entry in (self.entries or ()) else Foresight()

    def learn(self, host: Foreseen, plan: Plan, used: int, asked: Sequence[tuple[str, tuple[Any, ...]]]) -> None:
        """
        Learn from an exec.

        Args:
            host: Says what depends on what.
            plan: What travelled with the exec.
            used: Which of the plan's values the script used, as bits.
            asked: What the script asked nevertheless: call and arguments.
        """
        if not asked and used == plan.all_used:
            return
        with self._learning:
            is_changed = False
            for number, read in enumerate(plan.reads):
                if read in self._unused:
                    self._unused[read] = 0 if used >> number & 1 else self._unused[read] + 1
                    if self._unused[read] > UNUSED_EXECS:
                        del self._unused[read]
                        is_changed = True
            for call, args in asked:
                is_changed |= self._note(host, call, args)
            if is_changed:
                self.plan = self._planned(host)

    def _note(self, host: Foreseen, call: str, args: tuple[Any, ...]) -> bool:
        if call == "KSR":
            function, args = args
            call = KSR_EDITS.get(function, function)
            if function in CALLS or (call is function and [*map(type, args)] not in ([], [str])):
                return False
        known = CALLS.get(call)
        target = args[0] if args and (known is None or known.has_target) else ""
        key = (call, target)
        if type(target) is not str or len(target) > LONGEST_NAME or not target.isascii():
            return False
        if known is None or not known.is_edit:
            is_full = len(self._unused) >= MAX_READS
            if key in self._unused or is_full or (args and not args[0]) or host.depends_on(call, target) is None:
                return False
            self._unused[key] = 0
            return True
        if key in self._edits or len(self._edits) >= MAX_EDITS:
            return False
        if key not in self._once:
            if len(self._once) >= MAX_ONCE:
                self._once.clear()
            self._once.add(key)
            return False
        found = host.changes(call, target)
        if found is not None:
            self._edits[key] = found
        return found is not None

    def _planned(self, host: Foreseen) -> Plan:
        groups = {"": 0}
        reads = []
        for call, name in self._unused:
            group = host.depends_on(call, name) or ""
            reads.append([call, name, groups.setdefault(group, len(groups))])
        edits = [
            [call, target, groups.setdefault(group, len(groups)), takes]
            for (call, target), (group, takes) in self._edits.items()
        ]
        always, asked = 0, []
        for number, (call, target) in enumerate(self._edits):
            if host.is_always_certain(call, target):
                always |= 1 << number
            else:
                asked.append((call, target, 1 << number))
        return Plan(
            reads=tuple(self._unused),
            edits=tuple(self._edits),
            as_json={"reads": reads, "edits": edits},
            takes=tuple(CALLS[call].parameters[-1] for call, _ in self._edits),
            methods=tuple((CALLS[call].method, target or None) for call, target in self._edits),
            all_used=(1 << len(self._unused)) - 1,
            always=always,
            asked=tuple(asked),
        )
