"""
The functions of KSR, called from C# and directly from Python in the same Kamailio: the same results and messages.

Each case is played three times, from Python, from C# and from Python again: what differs between the two of Python is
no question of the language, and has to be named in ``CHANGES``.
"""

from __future__ import annotations

import json
import re
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from runner import installed
from runner.build import compile_script
from runner.ksr import functions
from tests.kamailio.modf_rig import CONTACT, SDP, configuration
from tests.kamailio.parity_cases import MODULES, Case, cases
from tests.kamailio.rig import KAMAILIO, Kamailio, Peer, free_udp_port
from tests.kamailio.routes import HERE
from tests.places import ROOT
from tests.programs import WAIT_S
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(KAMAILIO is None, reason="kamailio is not installed: make test installs it")

SIDES = ("python", "csharp", "pynext")  # as long as each other, for the lengths of messages are compared, too
OVER = b"SIP/2.0 299 Over"
# A request each: of a call, of nothing, and of a call that is there.
REQUESTS = (
    ("INVITE", f"{CONTACT}Content-Type: application/sdp\r\n", "", SDP),
    ("OPTIONS", "", "", ""),
    ("BYE", "Route: <sip:127.0.0.1:9;lr>\r\n", ";tag=b1", ""),
)
HEADERS = "Subject: two words\r\nX-Number: 42\r\nX-Twice: a\r\nX-Twice: b\r\nUser-Agent: parity\r\n"
MADE_UP = (
    (re.compile(rb"branch=z9hG4bK[^;\r\n]*"), b"branch=<BRANCH>"),
    (re.compile(rb"(?m)^(To:.*;tag=)(?!b1)[^;\r\n]+"), rb"\1<TAG>"),
    (re.compile(rb'nonce="[^"]+"'), b"nonce=<NONCE>"),
    (re.compile(rb"algorithm=[^\r\n]*"), b"algorithm=<OTHER MEMORY>"),  # in 6.0.1
    (re.compile(rb"(%s)-\d+" % "|".join(SIDES).encode()), b"<CALL>"),
)
AT_ONCE_S = 0.001  # what Kamailio sent before its last reply is there
PATIENT = "spare_workers = 0\nexec_timeout_s = 20.0\nallocate_timeout_s = 20.0"


Played = tuple[str, list[bytes]]


class Parity:
    """One Kamailio with all the modules, which plays cases."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.port = free_udp_port()
        known = functions.read("6.0" if installed.version().startswith("6") else "5.6")
        loaded = {f"{name}.so" for name in MODULES}
        self.cases = list(cases(each for each in known if not each.files or loaded.intersection(each.files)))
        (directory / "cases.json").write_text("\n".join(map(json.dumps, self.cases)), "utf-8")
        daemon = stack.enter_context(RunningDaemon(directory, PATIENT))
        script = daemon.scripts / "PlaysKsr.exe"
        script.write_bytes(compile_script(HERE / "scripts" / "PlaysKsr.cs").read_bytes())
        self.caller, self.sink = (stack.enter_context(Peer(self.port)) for _ in range(2))
        self._reports = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self._reports.bind(("127.0.0.1", 0))
        self._reports.settimeout(WAIT_S)
        cfg = f"""{configuration("pv", directory, self.port, script=HERE / "plays_ksr.py", beside=MODULES)}
request_route {{
    if (is_method("ACK")) exit;
    python_exec("play", "$ci");
    forward("127.0.0.1", {self.sink.port});
    sl_send_reply("299", "Over");
    exit;
}}
branch_route[branch] {{ return; }}
failure_route[failure] {{ return; }}
onreply_route[reply] {{ return; }}
event_route[tm:branch-failure:lost] {{ return; }}
"""
        env = {
            "APP_MONO_CONFIG": str(daemon.config),
            "PARITY_CASES": str(directory / "cases.json"),
            "PLAYS_KSR": str(script),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(ROOT / "kamailio"),
            "REPORT_TO": str(self._reports.getsockname()[1]),
        }
        self.kamailio = stack.enter_context(Kamailio(cfg, directory / "kamailio", self.port, env))

    def play(self, side: str, number: int) -> Played:
        """What one case gave, and what came of its message: forwarded ones, then replies."""
        method, headers, tag, body = REQUESTS[number % len(REQUESTS)]
        call_id = f"{side}-{number}"
        more = f"{HEADERS}{headers}Content-Length: {len(body)}\r\n"
        request = self.caller.request(method, f"sip:bob@127.0.0.1:{self.sink.port}", more, call_id)
        request = request.replace(b">\r\nCall-ID", f">{tag}\r\nCall-ID".encode())
        self.caller.send(request + body.encode())
        replies = self._heard(self.caller, call_id, WAIT_S)
        assert replies, f"{self.cases[number]}: {self.kamailio.log()[-3000:]}"
        what, came = json.loads(self._reports.recv(1 << 16))
        assert what == call_id
        return came.replace(call_id, "<CALL>"), [*self._heard(self.sink, call_id, AT_ONCE_S), *replies]

    def _heard(self, peer: Peer, call_id: str, wait_s: float) -> list[bytes]:
        """The messages of this call until the last one, or until there is none; each once."""
        found: dict[bytes, None] = {}
        while (message := peer.receive(wait_s)) is not None:
            if re.search(rf"\r\nCall-ID: {call_id}\r\n".encode(), message):
                for pattern, word in MADE_UP:
                    message = pattern.sub(word, message)
                found[message] = None
                if message.startswith(OVER):
                    break
        return list(found)


@pytest.fixture(scope="module")
def parity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parity]:
    with ExitStack() as stack:
        yield Parity(tmp_path_factory.mktemp("parity"), stack)


@pytest.mark.timeout(600)
def test_a_function_gives_and_does_in_c_sharp_what_it_does_in_python(parity: Parity) -> None:
    differ = []
    for number, case in enumerate(parity.cases):
        first, csharp, again = (parity.play(side, number) for side in SIDES)
        if csharp != first or csharp != again:
            differ.append(told(case, first, csharp, again))

    assert len({case.function for case in parity.cases}) > 200
    assert not differ, "\n".join(differ)


def told(case: Case, first: Played, csharp: Played, again: Played) -> str:
    """One case that differs, for people."""
    whose = "from Python to Python" if first != again else "in C#"
    results = f"{first[0]!r:.80}, {csharp[0]!r:.200}, {again[0]!r:.80}"
    lines = {line for message in csharp[1] for line in message.split(b"\r\n")}
    before = {line for message in first[1] for line in message.split(b"\r\n")}
    return f"{case.function}{case.arguments} {whose}: {results}; lines {sorted(before ^ lines)!r:.300}"
