"""``python -m runner.web > docs/metrics.md`` writes the page that lists what /metrics has."""

from __future__ import annotations

import sys

from runner.control.counters import OUTCOMES
from runner.control.status import Status

from .metrics import families

HEAD = """\
# Metrics

`/metrics` of the setting `http` has these, for Prometheus. Written by `python -m runner.web > docs/metrics.md`.

    # prometheus.yml
    scrape_configs:
      - job_name: app-mono
        static_configs: [{targets: ["127.0.0.1:9464"]}]

Execs are counted in the processes of Kamailio, and the daemon reads the counts where they are. A process that is killed
loses none, and those while there was no daemon are counted by the next one; only a process that ends meanwhile takes
with it what it counted since. The counters begin at 0 with each daemon,
as Prometheus expects it; the last lines of a daemon's log say how many execs it has counted. A script is counted by
name when it is one of the 64 that ran first, and a build of it when it is one of the 8 that ran last. A program in
Python that uses `runner.Runner` itself has the same counts of its own execs from `Runner.counters()`.

| name | type | labels | meaning |
|---|---|---|---|
"""

OUTCOME = """
`outcome` is what an exec came to:

| outcome | meaning |
|---|---|
"""

MEANINGS = {
    "true": "Main returned 0",
    "false": "Main returned something else",
    "exit": "the script ended the routing script, by `KSR.x.exit()` or `drop()`",
    "missing": "the script has no such entry; nothing ran",
    "exception": "the script threw an exception that nobody caught",
    "not_found": "there is no script at that path",
    "invalid": "the script cannot be run",
    "refused": "the script, or this call, took worker after worker with it and is refused for a while",
    "timeout": "it was not done within `exec_timeout_s`",
    "lost": "its worker died, or broke the protocol",
    "busy": "no worker came free in time",
    "no_daemon": "there was no daemon, and no worker",
    "error": "anything else; it is in Kamailio's log",
}

TAIL = """
The names `process_*` are those of Prometheus' client library, of the daemon's own process.

Which build handles calls now, and how fast: `sum by (script, build) (rate(app_mono_execs_total[1m]))` and
`histogram_quantile(0.99, sum by (le, script) (rate(app_mono_exec_seconds_bucket[5m])))`. What to be woken for:
`rate(app_mono_execs_total{outcome!~"true|false|exit"}[1m]) > 0`, and `/ready` that is not 200.
"""


def nothing() -> Status:
    """The status of a daemon that has done nothing yet."""
    texts = dict.fromkeys(("socket", "advice", "start_error"), "")
    numbers = dict.fromkeys(
        [
            *("up_s", "clients", "users", "max_workers", "from_earlier_daemon", "starting", "ending", "waiting"),
            *("start_failures", "next_start_s", "started", "failed", "refused_builds", "refused_calls", "outages"),
        ],
        0,
    )
    lists: dict[str, list[object]] = {
        name: [] for name in ("script_dirs", "refused_messages", "incidents", "scripts", "workers")
    }
    return Status.read({"pid": 1, "load": None, "refused_scripts": {}, "ended": {}, **texts, **numbers, **lists})


def page() -> str:
    """The whole page, as Markdown."""
    out = [HEAD]
    for family in families(nothing(), "0"):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = ", ".join(f"`{label}`" for label in getattr(family, "_labelnames", ())) or "none"
        out.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |\n")
    out.append(OUTCOME)
    out += [f"| `{outcome}` | {MEANINGS[outcome]} |\n" for outcome in OUTCOMES]
    out.append(TAIL)
    return "".join(out)


if __name__ == "__main__":
    sys.stdout.write(page())
