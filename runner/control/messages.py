"""
Every request, answer and notice of the control socket, as docs/protocol.md has them.

A message says the kind of each member beside its type, reads itself from the object of a line, and writes itself. All
of it is looked at before any of it is used. Standard library only, as a child of Kamailio imports it. Must not know who
asks or answers.
"""

from __future__ import annotations

import inspect
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from runner.scripts.generation import Generation, Helper, Part
from runner.scripts.stamps import Stamps
from runner.wire.events import CAN_UNSAID
from runner.wire.unfinished import Unfinished

from . import kinds
from .kinds import (
    Build,
    CallId,
    Count,
    Entries,
    Flag,
    Id,
    Limit,
    Malformed,
    Names,
    Number,
    Pid,
    Reason,
    Table,
    Text,
    Texts,
    Words,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Message:
    """
    One message. Its members are ``Annotated`` with their kinds.

    A member with a default may be missing. One that is not known is ignored: a later version may say more.
    """

    method: ClassVar[str] = ""
    """Of a request or a notice; an answer has none."""
    _kinds: ClassVar[dict[str, Callable[[object], Any]]] = {}

    def __init_subclass__(cls) -> None:
        own = inspect.get_annotations(cls, eval_str=True)
        cls._kinds = cls._kinds | {name: hint.__metadata__[0] for name, hint in own.items()}

    @classmethod
    def read(cls, value: object) -> Self:
        """
        The message that the object of a line is.

        Raises:
            Malformed: It is none; with the member, what was expected, and what came.
        """
        if not isinstance(value, dict):
            raise Malformed("an object", value)
        found = {}
        for of in fields(cls):  # type: ignore[arg-type]  # each subclass is a dataclass
            is_required = of.default is MISSING and of.default_factory is MISSING
            if is_required or of.name in value:
                found[of.name] = kinds.member(value, of.name, cls._kinds[of.name])
        return cls(**found)

    def as_json(self) -> dict[str, Any]:
        """What ``read`` reads."""
        return {name: _as_json(getattr(self, name)) for name in self._kinds}


def _as_json(value: Any) -> Any:
    match value:
        case Message() | Generation() | Helper() | Stamps() | Unfinished():
            return value.as_json()
        case Part(path, digest):
            return [path, digest]
        case tuple():
            return [_as_json(element) for element in value]
    return value


# What is part of others.


@dataclass(frozen=True, kw_only=True)
class Report(Message):
    """
    What a client's worker has done and holds, since it came from the daemon. Also a notice of its own.

    Attributes:
        lease: The loan, as the daemon named it.
        execs: Execs begun.
        loads: Assemblies loaded.
        bound: Simple name of a helper to the hash of the content that the process has bound to it.
        loaded: Script to the id of its generation.
        ran: As ``loaded``, of those that have run to an end.
        retire_reason: One of ``events.RETIRE_REASONS`` when the process should run no further exec, or "".
    """

    method = "report"
    lease: Id
    execs: Count
    loads: Count
    bound: Table
    loaded: Table
    ran: Table = field(default_factory=dict)
    retire_reason: Annotated[str, kinds.retire_reason] = ""


@dataclass(frozen=True, kw_only=True)
class Needs(Message):
    """Simple names of assemblies that a generation needs to load and was not given."""

    generation: Text
    names: Names


@dataclass(frozen=True, kw_only=True)
class Rejected(Message):
    """A generation that does not load in the client's worker, and why."""

    generation: Text
    message: Words
    detail: Words


@dataclass(frozen=True, kw_only=True)
class Worker(Message):
    """
    A worker that is lent; its wire is beside the line.

    Attributes:
        lease: Names the loan, in everything that the client says of it.
        pid: The process, as the daemon counts processes: for people, and for the kernel where ``is_local``.
        is_local: Whether the client counts processes as the daemon does, so that ``pid`` is the worker there, too.
        keep: False: it goes back after each exec.
        fresh: Each exec begins with new statics.
        max_execs: When to ask for another one; None and 0: never. Likewise ``max_loads``.
        max_line_bytes: Longest line of its wire.
        is_placed: Whether it is to run on the CPU of its caller.
        runtime: The name of its runtime.
        can: What its bridge can, of ``events.CAN``.
        node: The machine that it is on, as people call it; "" for the daemon's own.
    """

    lease: Id
    pid: Pid
    is_local: Flag
    execs: Number
    loads: Number
    bound: Texts
    ran: Texts
    loaded: Annotated[tuple[Generation, ...], kinds.each(kinds.generation)]
    keep: Flag
    fresh: Flag
    max_execs: Limit
    max_loads: Limit
    max_line_bytes: Number
    is_placed: Flag
    runtime: Text = ""
    can: Names = CAN_UNSAID
    node: Text = ""


# Requests, each with its answer.


@dataclass(frozen=True, kw_only=True)
class HelloRequest(Message):
    """
    The first request: the version, and the worker that the client still holds.

    ``counters``: a file is beside the line in which the client counts its execs; see ``control.counters``.
    """

    method = "hello"
    protocol: Annotated[int, kinds.own_protocol]  # looked at first, for the rest depends on it
    have: Annotated[Report | None, kinds.maybe(Report.read)]
    counters: Flag = False


@dataclass(frozen=True, kw_only=True)
class HelloAnswer(Message):
    """Messages on which the client must not run a script: script, Call-ID, seconds."""

    refused: Annotated[tuple[tuple[str, str, float], ...], kinds.refused] = ()


@dataclass(frozen=True, kw_only=True)
class LeaseRequest(Message):
    """
    For a script's generation, and for a worker where there is none or a better one.

    Attributes:
        path: The script; None for the one that the setting ``load`` names.
        have: The worker that the client holds; None asks for one in any case.
        wait_s: How long the daemon may wait for one; None: as long as its settings say.
        is_inner: It is for a script within another one's exec, which must not wait for that one's first run.
        needs: What the current generation needs to load. At most one of this and ``rejected``.
        rejected: Why it does not load.
    """

    method = "lease"
    path: Annotated[str | None, kinds.maybe(kinds.text)]
    have: Annotated[Report | None, kinds.maybe(Report.read)]
    wait_s: Annotated[float | None, kinds.maybe(kinds.seconds)] = None
    is_inner: Flag = False
    needs: Annotated[Needs | None, kinds.maybe(Needs.read)] = None
    rejected: Annotated[Rejected | None, kinds.maybe(Rejected.read)] = None


@dataclass(frozen=True, kw_only=True)
class LeaseAnswer(Message):
    """
    What the client runs, and in which worker.

    Attributes:
        generation: The script as it runs now.
        stamps: What the client compares before each exec; None: it asks each time.
        worker: None where the client does best with the one that it has.
        keep: As in ``Worker``, for the one that it has.
        is_ours: False: what it has is a worker of an earlier daemon, to be exchanged.
        entries: The names of the generation's entries; None where no worker has loaded it yet.
    """

    generation: Build
    stamps: Annotated[Stamps | None, kinds.maybe(kinds.stamps)]
    worker: Annotated[Worker | None, kinds.maybe(Worker.read)]
    keep: Flag
    is_ours: Flag
    entries: Entries = None


@dataclass(frozen=True, kw_only=True)
class FindRequest(Message):
    """For an assembly beside a script that runs, which it loads by its simple name, within ``wait_s``."""

    method = "find"
    generation: Text
    name: Text
    wait_s: Annotated[float, kinds.seconds] = 0.4  # for a client of an earlier version


@dataclass(frozen=True, kw_only=True)
class FindAnswer(Message):
    """The assembly; None when there is none."""

    helper: Annotated[Helper | None, kinds.maybe(kinds.helper)] = None


@dataclass(frozen=True, kw_only=True)
class StatusRequest(Message):
    """What the daemon looks like; answered by ``runner.daemon.daemon.Daemon.status``."""

    method = "status"


@dataclass(frozen=True, kw_only=True)
class ReloadRequest(Message):
    """To read the settings again."""

    method = "reload"


@dataclass(frozen=True, kw_only=True)
class ReloadAnswer(Message):
    """
    Settings that changed and do not count everywhere yet.

    Attributes:
        needs_restart: They count after a restart of the daemon.
        needs_kamailio_reload: Kamailio's processes read the file themselves, when their script is loaded again.
    """

    needs_restart: Names
    needs_kamailio_reload: Names = ()


@dataclass(frozen=True, kw_only=True)
class ResetRequest(Message):
    """To replace every worker."""

    method = "reset"


@dataclass(frozen=True, kw_only=True)
class Done(Message):
    """The answer to ``reset``, which has nothing to say."""


@dataclass(frozen=True, kw_only=True)
class DrainRequest(Message):
    """To end the daemon and leave lent workers to their clients."""

    method = "drain"


@dataclass(frozen=True, kw_only=True)
class StopRequest(Message):
    """To end the daemon and its workers."""

    method = "stop"


@dataclass(frozen=True, kw_only=True)
class Process(Message):
    """The daemon's process, in the answers to ``drain``, ``stop`` and ``status``."""

    pid: Pid


# Notices of a client.


@dataclass(frozen=True, kw_only=True)
class Loaded(Message):
    """A generation loads, and has these entries."""

    method = "loaded"
    generation: Text
    entries: Entries = None


@dataclass(frozen=True, kw_only=True)
class Ran(Message):
    """The first run of a generation has ended in time; ``has_run`` False: it did not begin."""

    method = "ran"
    lease: Id
    generation: Text
    has_run: Flag = True


@dataclass(frozen=True, kw_only=True)
class Release(Report):
    """The worker goes back, with its wire."""

    method = "release"


@dataclass(frozen=True, kw_only=True)
class Retire(Message):
    """
    The worker cannot go on; it comes with its wire, to be ended.

    Attributes:
        lease: The loan.
        reason: Why, for the log.
        call_id: Of the message that was being served; None when there was none.
        is_stuck: Ask it for its stacks first.
        taken_by: The generation that took it with it; None for none.
    """

    method = "retire"
    lease: Id
    reason: Reason
    call_id: CallId
    is_stuck: Flag
    taken_by: Annotated[str | None, kinds.maybe(kinds.text)]


@dataclass(frozen=True, kw_only=True)
class HandOver(Report):
    """A worker, with its wire, whose first run of a generation was not done in time: the daemon finishes it."""

    method = "unfinished"
    reason: Reason
    call_id: CallId
    generation: Text
    unfinished: Annotated[Unfinished, kinds.unfinished]


# Notices of the daemon.


@dataclass(frozen=True, kw_only=True)
class Refuse(Message):
    """Further messages, as ``HelloAnswer.refused``."""

    method = "refuse"
    messages: Annotated[tuple[tuple[str, str, float], ...], kinds.refused]


@dataclass(frozen=True, kw_only=True)
class Swap(Message):
    """The daemon wants a worker back: before the next exec, ask for another one."""

    method = "swap"
    lease: Id
    reason: Reason
