"""
What a daemon says of itself: ``app-mono status --json`` prints it, and ``app-mono status`` shows it to people.

Times are in seconds. Must not know who asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from . import kinds
from .kinds import CallId, Id, Limit, Number, Pid, Real, Text, Words  # noqa: TC001 - members are read by their annotations
from .messages import Message

Many = Annotated[tuple[str, ...], kinds.each(kinds.words)]


MAX_MESSAGE = 500  # characters of why an exec failed
RUNNING = "running"


def _message(value: object) -> str:
    return kinds.words(value)[:MAX_MESSAGE]


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
        builds: The ids of their builds, in the same order.
        helpers: Names of assemblies.
        retire_reason: Why it is replaced at the end of its lease; empty when it is not.
        client: The process that holds it; None when it is not lent.
        runtime: The name of what runs scripts there.
        version: The version of that.
        rss_kib: Resident memory in KiB; 0 on another machine.
        node: What people call the machine that it is on; "" for the daemon's own.
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
    rss_kib: Number = 0
    runtime: Words = ""
    version: Words = ""
    node: Words = ""
    builds: Many = ()


@dataclass(frozen=True, kw_only=True)
class RefusedMessage(Message):
    """A Call-ID on whose messages a script does not run."""

    script: Words
    call_id: Words
    left_s: Real


@dataclass(frozen=True, kw_only=True)
class BuildStatus(Message):
    """
    What clients counted of one build of a script.

    Attributes:
        build: The id of the build; "earlier" for those before the ones that ran last.
        outcomes: Execs by ``counters.OUTCOMES``, of those that there were.
        times: Execs by ``counters.BOUNDS_S``, and those that took longer.
        p50_s: Half of the execs took at most as long, by ``times``; 0 where there is none.
        p99_s: Likewise 99 of 100.
        time_s: Of all execs together, as the caller had to wait for them.
        queue_s: Of that, waiting for the daemon: for a worker, or for word of a script that changed.
        load_s: Of that, until the worker had loaded the build.
        questions: Calls of the script that its host answered.
        edits: Those that may have changed the message.
        texts: Those that went into the log.
    """

    build: Words
    outcomes: Annotated[dict[str, float], kinds.reals]
    times: Annotated[tuple[int, ...], kinds.each(kinds.number)]
    p50_s: Real
    p99_s: Real
    time_s: Real
    queue_s: Real
    load_s: Real
    questions: Number
    edits: Number
    texts: Number


@dataclass(frozen=True, kw_only=True)
class ScriptStatus(Message):
    """
    One script that ran since the daemon's start.

    Attributes:
        path: Where it is; empty for execs of which no script was known.
        reloads: Builds that took the place of another one.
        live_s: How long the last of them took from the change of its files until a worker had loaded it.
        live_at: When that was, in seconds since 1970; 0 for never.
        builds: The one that ran last at the end.
    """

    path: Words
    reloads: Number
    live_s: Real
    builds: Annotated[tuple[BuildStatus, ...], kinds.each(BuildStatus.read)]
    live_at: Real = 0.0


@dataclass(frozen=True, kw_only=True)
class CheckStatus(Message):
    """
    One check of what a runner needs, as ``app-mono doctor`` has it.

    Attributes:
        check: Its name.
        verdict: ok; bad: to be fixed; none: missing and not needed.
        text: What was found, and how to fix what is wrong.
    """

    check: Words
    verdict: Words
    text: Words


@dataclass(frozen=True, kw_only=True)
class Incident(Message):
    """
    An exec that failed or was slow, for the daemon to show; of many in a second not each is said.

    Attributes:
        outcome: One of ``counters.OUTCOMES``; ``RUNNING`` for one that has not ended.
        message: Why; the script is named in it.
        detail: The stack of an exception, else the last calls with their times; the stacks of a worker that still runs
            are below them. Empty where there is none of these.
        build: The generation; empty where none was known.
        call_id: Of the message; None for none.
        took_s: How long it took.
    """

    method = "incident"
    outcome: Text
    message: Annotated[str, _message]
    detail: Annotated[str, kinds.stack]
    build: Text
    call_id: CallId
    took_s: Annotated[float, kinds.seconds]


@dataclass(frozen=True, kw_only=True)
class StillRuns(Incident):
    """
    An exec that is slow and has not ended: the daemon adds the stacks of its worker.

    Attributes:
        lease: The loan of the worker.
    """

    method = "still_runs"
    lease: Id


@dataclass(frozen=True, kw_only=True)
class IncidentStatus(Incident):
    """The last of those that are alike: when, in seconds since 1970, in which process, and how many were said."""

    method = ""
    at: Real
    client: Pid
    count: Number


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
        started: Workers that were started, since the daemon's start; ``failed`` starts failed.
        ended: Workers that were ended, by reason.
        refused_builds: How often a build was refused; ``refused_calls``: the messages of a Call-ID.
        outages: How often a client lost its daemon, or found none.
        checks: What the daemon has found of itself, at its start and when the settings were read again.
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
    started: Number
    failed: Number
    ended: Annotated[dict[str, float], kinds.reals]
    refused_builds: Number
    refused_calls: Number
    outages: Number
    incidents: Annotated[tuple[IncidentStatus, ...], kinds.each(IncidentStatus.read)]
    scripts: Annotated[tuple[ScriptStatus, ...], kinds.each(ScriptStatus.read)]
    workers: Annotated[tuple[WorkerStatus, ...], kinds.each(WorkerStatus.read)]
    checks: Annotated[tuple[CheckStatus, ...], kinds.each(CheckStatus.read)] = ()
