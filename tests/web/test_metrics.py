"""web.metrics: what the daemon counts, as Prometheus reads it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runner.control.counters import BOUNDS_S
from runner.control.status import BuildStatus, ScriptStatus, Status, WorkerStatus
from runner.web.__main__ import nothing
from runner.web.metrics import exposition
from tests.programs import WAIT_S


def build(**changed: object) -> BuildStatus:
    times = [0] * (len(BOUNDS_S) + 1)
    times[1], times[-1] = 3, 1
    told = {
        "build": "b1", "outcomes": {"true": 3, "timeout": 1}, "times": times, "p50_s": 0.0002, "p99_s": 10.0,
        "time_s": 10.5, "queue_s": 0.25, "load_s": 0.5, "questions": 7, "edits": 6, "texts": 5,
    }  # fmt: skip
    return BuildStatus.read(told | changed)


def busy() -> Status:
    script = ScriptStatus(
        path='/a "b"\n.exe', reloads=2, live_s=0.125, live_at=1e9, builds=(build(), build(build="earlier"))
    )
    worker = WorkerStatus(
        pid=7, state="leased", execs=1, loads=1, age_s=1, unused_s=1, loaded=(), helpers=(), retire_reason="",
        client=9, warming=None, runtime="mono", version="6",
    )  # fmt: skip
    idle = replace(worker, pid=8, state="idle", client=None)
    return replace(
        nothing(), scripts=(script,), workers=(worker, idle, replace(idle, pid=10)), started=3, ended={"lost": 2},
        refused_calls=4, outages=1, refused_scripts={"/x.exe": 2.5},
    )  # fmt: skip


def samples(status: Status) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels, in the order of their names."""
    text = exposition(status, "0.1").decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_an_exec_is_found_by_script_build_and_outcome() -> None:
    found = samples(busy())

    assert found["app_mono_execs_total", "b1", "timeout", '/a "b"\n.exe'] == 1
    assert found["app_mono_execs_total", "earlier", "true", '/a "b"\n.exe'] == 3
    assert ("app_mono_execs_total", "b1", "false", '/a "b"\n.exe') not in found


def test_the_buckets_of_a_histogram_contain_those_before_them() -> None:
    found = samples(busy())
    buckets = {key[2]: value for key, value in found.items() if key[:2] == ("app_mono_exec_seconds_bucket", "b1")}

    assert [buckets[bound] for bound in ("0.0001", "0.00025", "10.0", "+Inf")] == [0, 3, 3, 4]
    assert found["app_mono_exec_seconds_count", "b1", '/a "b"\n.exe'] == 4
    assert found["app_mono_exec_seconds_sum", "b1", '/a "b"\n.exe'] == 10.5


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (("app_mono_workers", "mono", "lent"), 1),
        (("app_mono_workers", "mono", "idle"), 2),
        (("app_mono_workers_ended_total", "lost"), 2),
        (("app_mono_workers_started_total",), 3),
        (("app_mono_reloads_total", '/a "b"\n.exe'), 2),
        (("app_mono_last_reload_seconds", '/a "b"\n.exe'), 0.125),
        (("app_mono_last_reload_timestamp_seconds", '/a "b"\n.exe'), 1e9),
        (("app_mono_refusals_total", "call"), 4),
        (("app_mono_script_refused_seconds", "/x.exe"), 2.5),
        (("app_mono_edits_total", "b1", '/a "b"\n.exe'), 6),
        (("app_mono_outages_total",), 1),
        (("app_mono_info", "0.1"), 1),
    ],
)
def test_a_number_is_where_it_is_looked_for(key: tuple[str, ...], value: float) -> None:
    assert samples(busy())[key] == value


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="make test-browser installs it (Debian package prometheus)"
)
def test_promtool_has_no_complaint() -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],  # noqa: S607 - of PATH
        input=exposition(busy(), "0.1"), capture_output=True, timeout=WAIT_S, check=False,
    )  # fmt: skip

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
