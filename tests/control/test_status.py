"""runner.control.status: what a daemon says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.control import status
from runner.control.kinds import Malformed

WORKER: dict[str, Any] = {
    "pid": 7,
    "state": "leased",
    "execs": 3,
    "loads": 1,
    "age_s": 2.5,
    "unused_s": 0.5,
    "retire_reason": "",
    "loaded": ["/x.exe"],
    "helpers": ["H"],
    "client": 4312,
    "warming": {"script": "/x.exe", "since_s": 0.25},
    "runtime": "mono",
    "version": "6.8",
    "rss_kib": 4096,
    "builds": ["b1"],
    "node": "n1",
}


def test_a_status_reads_what_it_wrote() -> None:
    refused = [{"script": "/x.exe", "call_id": "a@b", "left_s": 2.5}]
    at_rest = WORKER | {"state": "idle", "client": None, "warming": None}
    known = _status(load=None, workers=[WORKER, at_rest], refused_messages=refused, refused_scripts={"/y.exe": 60.0})

    read = status.Status.read(known)

    assert json.loads(json.dumps(read.as_json())) == known
    assert [worker.client for worker in read.workers] == [4312, None]
    assert read.workers[0].warming == status.Warming(script="/x.exe", since_s=0.25)
    assert read.refused_messages[0].left_s == 2.5


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"pid": 0}, "workers.pid: expected the number of a process, got 0"),
        ({"warming": {"script": "/x.exe"}}, "workers.warming.since_s: expected a number, got nothing"),
        ({"client": -1}, "workers.client: expected a whole number from 0, got -1"),
        ({"loaded": "x"}, "workers.loaded: expected a list, got 'x'"),
    ],
)
def test_what_is_wrong_of_a_worker_is_named(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(Malformed) as caught:
        status.Status.read(_status(workers=[WORKER | wrong]))

    assert str(caught.value) == told


@pytest.mark.parametrize("name", ["pid", "socket", "load", "workers", "refused_messages", "next_start_s"])
def test_a_status_without_one_of_its_members_is_refused_by_name(name: str) -> None:
    known = _status()
    del known[name]

    with pytest.raises(Malformed, match=f"^{name}: "):
        status.Status.read(known)


def test_the_status_of_another_version_is_no_status() -> None:
    with pytest.raises(Malformed, match=r"^workers: expected an object, got 7"):
        status.Status.read(_status(workers=[7]))


def _status(**changed: object) -> dict[str, Any]:
    texts = dict.fromkeys(("socket", "load", "advice", "start_error"), "")
    lists: dict[str, Any] = {"script_dirs": [], "refused_scripts": {}, "refused_messages": [], "workers": []}
    lists |= {"ended": {}, "scripts": [], "incidents": []}
    lists["checks"] = [{"check": "mono", "verdict": "bad", "text": "it is missing"}]
    numbers = dict.fromkeys(
        [
            *("started", "failed", "refused_builds", "refused_calls", "outages"),
            *("up_s", "clients", "users", "max_workers", "from_earlier_daemon", "starting", "ending", "waiting"),
            *("start_failures", "next_start_s"),
        ],
        0,
    )
    return {"pid": 1, **texts, **lists, **numbers, **changed}
