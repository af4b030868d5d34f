"""runner.cluster.messages: what daemons and nodes say to each other."""

from __future__ import annotations

import json

import pytest

from runner.cluster.messages import (
    Back,
    End,
    Ended,
    Have,
    HaveFile,
    Leases,
    Wanted,
    as_bytes,
    parsed,
    said,
    saying,
    status,
)
from runner.control.kinds import Malformed
from runner.control.messages import Report
from runner.scripts.generation import Generation, Part

BUILD = Generation.of("/s/x.exe", Part("/s/x.exe", "1" * 64), None, None, {}, "mono")
REPORT = Report(lease="0", execs=3, loads=1, bound={"H": "2"}, loaded={"/s/x.exe": BUILD.id}, ran={}, retire_reason="")


@pytest.mark.parametrize(
    "message",
    [
        Have(generation=BUILD),
        HaveFile(file=Part("/s/h.dll", "3" * 64)),
        End(how="free", reason="given back", report=REPORT),
        End(how="stuck", reason="too late"),
        Back(reason="it ends"),
        Ended(reason="the process has ended", is_blameless=False, heard=3),
    ],
)
def test_what_is_said_on_the_way_of_a_lease_is_read_as_it_was(message: Have | HaveFile | End | Back | Ended) -> None:
    assert said(saying(message)) == message


def test_a_request_is_read_as_it_was() -> None:
    wanted = Wanted(host="a1", lease="b2", user=33, generation=BUILD, wait_s=0.5)
    leases = Leases(host="a1", sent={"b2": 0, "c3": 7})

    assert Wanted.read(parsed(as_bytes(wanted))) == wanted
    assert Leases.read(parsed(as_bytes(leases))) == leases


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (b"[]", "expected one of have"),
        (b'["lease", {}]', "expected one of have"),
        (b'["end", {"how": "gently", "reason": ""}]', "how: expected one of free, kill, stuck, got 'gently'"),
        (b'["have_file", {"file": ["/s/h.dll", 3]}]', "file: expected a path and a hash"),
        (b'["back", {"reason": 5}]', "reason: expected"),
    ],
)
def test_what_is_none_of_it_is_refused_with_what_was_expected(data: bytes, expected: str) -> None:
    with pytest.raises(Malformed, match=expected):
        said(data)


def test_statistics_of_another_service_are_none_of_a_node() -> None:
    with pytest.raises(Malformed, match="expected the statistics of a node"):
        status(json.dumps({"name": "other", "endpoints": []}).encode())
