"""Scripts of every runtime in one real Kamailio: each does what the same script in C# does."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from runner.build import ensure_bridge
from tests.kamailio.routes import HERE, Place, logged, ours, place, running
from tests.places import ROOT
from tests.programs import MCS, until
from tests.running_daemon import RunningDaemon
from tests.siblings import MONO, SIBLINGS, Language, each

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kamailio.rig import Kamailio

__all__ = ["place"]
PATIENT = "exec_timeout_s = 20.0\nallocate_timeout_s = 20.0\nfirst_exec_timeout_s = 20.0\n"
# Which script runs is in the Call-ID, behind its only dot.
SCRIPT = "{scripts}/Speaks.$(ci{{s.select,1,.}})"
CALL = f'python_exec("mono_exec", "{SCRIPT} {{{{route}}}} $rU"); xlog("L_NOTICE", "$var(told)\\n")'
MESSAGES = [
    ("OPTIONS", "sip:bob@example.com", "Subject: two words\r\n"),
    ("OPTIONS", "sip:b%C5%BEb@example.com;lr", 'X-Bytes: ž \udcff\udc80 end\r\nUser-Agent: "a\\\\b"\r\n'),
    ("MESSAGE", "sip:example.com", "X-Bytes: \udcc5\r\ns: a\r\nSubject: b\r\n"),
    ("INVITE", "sip:bob@example.com", "Subject: a call\r\nX-Bytes: \udce9t\udce9\r\n"),
    ("INVITE", "tel:+123", ""),
]


class Site:
    """A Kamailio, a daemon, and the script in every language."""

    def __init__(self, place: Place, daemon: RunningDaemon, kamailio: Kamailio) -> None:
        self.place = place
        self.daemon = daemon
        self.kamailio = kamailio

    def came(self, language: Language) -> tuple[list[list[bytes]], list[str]]:
        """What every message became, and what was logged; without the words that name the language."""
        # The first call of a language may wait longer than one waits for a message here: for a JVM and its compiler.
        until(lambda: self._is_warm(language), f"a call of {language.runtime} came through")
        before = len(logged(self.kamailio))
        end = language.suffix.encode()
        messages = []
        for number, (method, uri, headers) in enumerate(MESSAGES):
            request = self.place.caller.request(method, uri, call_id=f"parity-{number}{language.suffix}")
            request = request.replace(b"Content-Length", headers.encode("utf-8", "surrogateescape") + b"Content-Length")
            messages.append([message.replace(end, b".") for message in self.place.call(request)])
        log = [line.replace(language.suffix, ".") for line in logged(self.kamailio)[before:]]
        return messages, log

    def _is_warm(self, language: Language) -> bool:
        request = self.place.caller.request(call_id=f"warm-{time.monotonic_ns()}{language.suffix}")
        return b"nothing came" not in self.place.call(request)


@pytest.fixture(scope="module")
def site(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("languages")
    with RunningDaemon(directory, PATIENT) as daemon:
        for language in SIBLINGS:
            shutil.copy(HERE / "scripts" / f"Speaks{language.suffix}", daemon.scripts)
        built = ensure_bridge()
        command = [MCS, f"-r:{built.sr_dll}", f"-r:{built.ksr_dll}", f"-out:{daemon.scripts}/Speaks.exe"]
        subprocess.run([*command, str(HERE / "scripts" / "Speaks.cs")], check=True, capture_output=True)
        cfg = ours(ROOT / "kamailio" / "app_mono.py", CALL.format(scripts=daemon.scripts), place.sink.port, place.port)
        env = {"APP_MONO_CONFIG": str(daemon.config)}
        with running(cfg, directory / "kamailio", place.port, env) as kamailio:
            yield Site(place, daemon, kamailio)


@pytest.fixture(scope="module")
def in_csharp(site: Site) -> tuple[list[list[bytes]], list[str]]:
    return site.came(MONO)


@each()
def test_a_script_does_what_the_same_script_in_c_sharp_does(
    site: Site, in_csharp: tuple[list[list[bytes]], list[str]], language: Language
) -> None:
    expected_messages, expected_log = in_csharp

    messages, log = site.came(language)

    assert sum("result of" in line for line in expected_log) > len(MESSAGES), site.kamailio.log()
    assert log == expected_log
    assert messages == expected_messages
