"""
What a daemon says of itself: ``app-mono status --json`` prints it, and ``app-mono status`` shows it to people.

Times are in seconds. Must not know who asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from . import kinds
from .kinds import Limit, Number, Pid, Real, Words  # noqa: TC001 - members are read by their annotations
from .messages import Message

Many = Annotated[tuple[str, ...], kinds.each(kinds.words)]


@dataclass(frozen=True, kw_only=True)
class Warming(Message):
    """The first run of a script in a worker, which is still going on."""

    script: Words
    since_s: Real


@dataclass(frozen=True, kw_only=True)
class WorkerStatus(Message):
    """
    One worker.

    Attributes:
        state: Of its place in the pool: idle, leased, preparing.
        unused_s: Since its last exec or load.
        loaded: Paths of scripts.
        helpers: Names of assemblies.
        retire_reason: Why it is replaced at the end of its lease; empty when it is not.
        client: The process that holds it; None when it is not lent.
        runtime: The name of what runs scripts there.
        version: The version of that.
        warming: None when it runs nothing for the first time.
    """

    pid: Pid
    state: Words
    execs: Number
    loads: Number
    age_s: Real
    unused_s: Real
    loaded: Many
    helpers: Many
    retire_reason: Words
    client: Limit
    warming: Annotated[Warming | None, kinds.maybe(Warming.read)]
    runtime: Words = ""
    version: Words = ""


@dataclass(frozen=True, kw_only=True)
class RefusedMessage(Message):
    """A Call-ID on whose messages a script does not run."""

    script: Words
    call_id: Words
    left_s: Real


@dataclass(frozen=True, kw_only=True)
class Status(Message):
    """
    The daemon and its workers.

    Attributes:
        load: The script of ``mono_run``; None for none.
        users: Clients that run scripts.
        advice: What to change in the settings; empty for nothing.
        from_earlier_daemon: Clients that still use a worker of an earlier daemon.
        waiting: Callers that wait for a worker.
        start_failures: Starts that failed since a worker served last; ``start_error`` says why the last one did.
        next_start_s: Until the next start is tried; 0 when that is now.
        refused_scripts: Script to seconds.
    """

    pid: Pid
    socket: Words
    up_s: Real
    load: Annotated[str | None, kinds.maybe(kinds.words)]
    script_dirs: Many
    clients: Number
    users: Number
    max_workers: Number
    advice: Words
    from_earlier_daemon: Number
    starting: Number
    ending: Number
    waiting: Number
    start_failures: Number
    next_start_s: Real
    start_error: Words
    refused_scripts: Annotated[dict[str, float], kinds.reals]
    refused_messages: Annotated[tuple[RefusedMessage, ...], kinds.each(RefusedMessage.read)]
    workers: Annotated[tuple[WorkerStatus, ...], kinds.each(WorkerStatus.read)]
