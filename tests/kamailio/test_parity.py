"""One set of scripts and messages in a Kamailio with app_mono and in one with its successor; nothing may differ.

Every script is compiled once, against the interface of Kamailio's own SR.dll, and both sides run that very file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kamailio.routes import (
    HERE,
    Place,
    built_for_app_mono,
    embedded,
    logged,
    needs_app_mono,
    ours,
    place,
    running,
)
from tests.places import ROOT, SHELF
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["place"]
OUR_SCRIPT = ROOT / "kamailio" / "app_mono.py"
PATIENT = "spare_workers = 0\nexec_timeout_s = 20.0\nallocate_timeout_s = 20.0"
SCRIPTS = {
    "Routes": HERE / "scripts" / "Routes.cs",
    "LogsAtEveryLevel": HERE / "scripts" / "LogsAtEveryLevel.cs",
    "UsesModules": HERE / "scripts" / "UsesModules.cs",
    "MakesEveryCall": SHELF / "MakesEveryCall.cs",
    "ReturnsInt": SHELF / "ReturnsInt.cs",
    "ReturnsVoidTakesArguments": SHELF / "ReturnsVoidTakesArguments.cs",
    "MySRTest": ROOT / "examples" / "MySRTest.cs",
}
CALLS = {
    "no parameter": ("mono_run()", 'python_exec("mono_run")'),
    "a parameter": ('mono_run("{route} $rU $hdr(Subject)")', 'python_exec("mono_run", "{route} $rU $hdr(Subject)")'),
}
MESSAGES = [
    ("OPTIONS", "sip:bob@example.com", ""),
    ("OPTIONS", "sip:carol@example.com;lr", "Subject: two words\r\nContact: <sip:alice@127.0.0.1>\r\n"),
    ("OPTIONS", "sip:example.com", "s: žluť\r\nX-Old: 1\r\n"),
    ("MESSAGE", "sip:nobody@example.com", "Subject: a\r\nSubject: b\r\nRecord-Route: <sip:127.0.0.2;lr>\r\n"),
    ("INVITE", "sip:bob@example.com", "Subject: a call\r\n"),
    ("INVITE", "tel:+123", ""),
]
Came = list[list[bytes]]


def exchange(place: Place) -> Came:
    """All messages, in order; the Call-IDs are the same for both sides."""
    return [
        place.call(place.caller.request(method, uri, headers, call_id=f"parity-{number}"))
        for number, (method, uri, headers) in enumerate(MESSAGES)
    ]


@needs_app_mono
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_does_the_same_in_both(place: Place, tmp_path: Path, name: str, call: str) -> None:
    script = built_for_app_mono(SCRIPTS[name], tmp_path / "scripts")
    theirs, mine = CALLS[call]

    with running(embedded(script, theirs, place.sink.port, place.port), tmp_path / "embedded", place.port) as kamailio:
        expected_messages = exchange(place)
        expected_log = logged(kamailio)

    with RunningDaemon(tmp_path, f'load = "{script}"\n{PATIENT}') as daemon:
        cfg = ours(OUR_SCRIPT, mine, place.sink.port, place.port)
        env = {"APP_MONO_CONFIG": str(daemon.config)}
        with running(cfg, tmp_path / "ours", place.port, env) as kamailio:
            messages = exchange(place)
            log = logged(kamailio)
            assert kamailio.is_alive

    results = [line for line in expected_log if "result of" in line]
    assert len(results) > len(MESSAGES), "every message runs the script in at least one route"
    assert log == expected_log
    assert messages == expected_messages
