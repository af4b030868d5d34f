"""
What the daemon counts, as Prometheus has it; docs/metrics.md lists it.

Must not know HTTP, nor how anything is counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from runner.control.counters import BOUNDS_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.control.status import BuildStatus, Status

BUILD = ("script", "build")
ENDLESS = "+Inf"


def exposition(status: Status, version: str) -> bytes:
    """The text of /metrics."""
    registry = CollectorRegistry()
    registry.register(_OfStatus(status, version))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def families(status: Status, version: str) -> Iterator[Metric]:
    """Everything that is counted."""
    yield from _of_execs(status)
    yield from _of_scripts(status)
    yield from _of_workers(status)
    yield from _of_daemon(status, version)


class _OfStatus(Collector):
    def __init__(self, status: Status, version: str) -> None:
        self._status = status
        self._version = version

    def collect(self) -> Iterator[Metric]:
        return families(self._status, self._version)


def _of_execs(status: Status) -> Iterator[Metric]:
    execs = CounterMetricFamily(
        "app_mono_execs",
        "Execs, by what they came to; script is empty for those of which no script was known, build is earlier for "
        "builds before the ones that ran last.",
        labels=(*BUILD, "outcome"),
    )
    times = HistogramMetricFamily(
        "app_mono_exec_seconds", "How long the SIP server waited for an exec, everything included.", labels=BUILD
    )
    for path, build in _builds(status):
        for outcome, count in build.outcomes.items():
            execs.add_metric((path, build.build, outcome), count)
        buckets, total = [], 0
        for bound, count in zip((*map(str, BOUNDS_S), ENDLESS), build.times, strict=True):
            total += count
            buckets.append((bound, total))
        times.add_metric((path, build.build), buckets, build.time_s)
    yield execs
    yield times
    yield from (_sums(status, *of) for of in SUMS)


SUMS: tuple[tuple[str, str, Callable[[BuildStatus], float]], ...] = (
    (
        "app_mono_exec_queue_seconds",
        "Of the time of execs, waiting for the daemon: for a worker, or for word of a script that changed.",
        lambda build: build.queue_s,
    ),
    (
        "app_mono_exec_load_seconds",
        "Of the time of execs, until the worker had loaded the build.",
        lambda build: build.load_s,
    ),
    ("app_mono_questions", "Calls of scripts that the SIP server answered.", lambda build: build.questions),
    ("app_mono_edits", "Calls of scripts that may have changed the message.", lambda build: build.edits),
    ("app_mono_log_texts", "Texts that scripts wrote to the log of the SIP server.", lambda build: build.texts),
)


def _sums(status: Status, name: str, text: str, of: Callable[[BuildStatus], float]) -> Metric:
    family = CounterMetricFamily(name, text, labels=BUILD)
    for path, build in _builds(status):
        family.add_metric((path, build.build), of(build))
    return family


def _of_scripts(status: Status) -> Iterator[Metric]:
    reloads = CounterMetricFamily(
        "app_mono_reloads", "Builds of a script that took the place of another one.", labels=("script",)
    )
    live = GaugeMetricFamily(
        "app_mono_last_reload_seconds",
        "How long the last of them took from the change of its files until a worker had loaded it.",
        labels=("script",),
    )
    live_at = GaugeMetricFamily(
        "app_mono_last_reload_timestamp_seconds",
        "When that was, in seconds since 1970; only of scripts that had one.",
        labels=("script",),
    )
    for script in status.scripts:
        if script.path:
            reloads.add_metric((script.path,), script.reloads)
            live.add_metric((script.path,), script.live_s)
        if script.path and script.live_at:
            live_at.add_metric((script.path,), script.live_at)
    refused = GaugeMetricFamily(
        "app_mono_script_refused_seconds",
        "How long a script is still refused, because it took worker after worker with it.",
        labels=("script",),
    )
    for path, left_s in status.refused_scripts.items():
        refused.add_metric((path,), left_s)
    yield reloads
    yield live
    yield live_at
    yield refused
    refusals = CounterMetricFamily(
        "app_mono_refusals", "How often a build of a script, or the messages of a call, were refused.", labels=("of",)
    )
    refusals.add_metric(("build",), status.refused_builds)
    refusals.add_metric(("call",), status.refused_calls)
    yield refusals


def _of_workers(status: Status) -> Iterator[Metric]:
    found = Counter((worker.runtime, _state(worker.state, worker.client)) for worker in status.workers)
    workers = GaugeMetricFamily("app_mono_workers", "Workers, by what they do.", labels=("runtime", "state"))
    for labels, count in found.items():
        workers.add_metric(labels, count)
    yield workers
    yield _one(GaugeMetricFamily, "app_mono_workers_starting", "Workers that are being started.", status.starting)
    yield _one(CounterMetricFamily, "app_mono_workers_started", "Workers that were started.", status.started)
    yield _one(CounterMetricFamily, "app_mono_worker_start_failures", "Starts of a worker that failed.", status.failed)
    ended = CounterMetricFamily(
        "app_mono_workers_ended", "Workers that were replaced, retired or lost.", labels=("reason",)
    )
    for reason, number in status.ended.items():
        ended.add_metric((reason,), number)
    yield ended


def _of_daemon(status: Status, version: str) -> Iterator[Metric]:
    info = GaugeMetricFamily("app_mono_info", "Always 1; which version the daemon is.", labels=("version",))
    info.add_metric((version,), 1)
    yield info
    numbers: tuple[tuple[str, str, float], ...] = (
        ("app_mono_up_seconds", "Since the daemon began to serve.", status.up_s),
        ("app_mono_max_workers", "The setting max_workers.", status.max_workers),
        ("app_mono_clients", "Processes that are connected to the daemon.", status.clients),
        ("app_mono_script_clients", "Those of them that run scripts.", status.users),
        ("app_mono_waiting_clients", "Those of them that wait for a worker now.", status.waiting),
    )
    for name, text, number in numbers:
        yield _one(GaugeMetricFamily, name, text, number)
    yield _one(
        CounterMetricFamily,
        "app_mono_outages",
        "How often a process of the SIP server lost its daemon, or found none.",
        status.outages,
    )


def _builds(status: Status) -> Iterator[tuple[str, BuildStatus]]:
    for script in status.scripts:
        for build in script.builds:
            yield script.path, build


def _state(state: str, client: int | None) -> str:
    return state if client is None else "lent"


def _one(kind: type[GaugeMetricFamily | CounterMetricFamily], name: str, text: str, value: float) -> Metric:
    return kind(name, text, value=value)
