"""One configuration for both engines: what stands for the script's call is all that differs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kamailio.rig import Kamailio, Peer, free_udp_port, has_module, preamble
from tests.places import OLD_SR
from tests.programs import MCS

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
MODULES = ("kex", "corex", "tm", "tmx", "sl", "rr", "pv", "maxfwd", "textops", "textopsx", "siputils", "xlog")
needs_app_mono = pytest.mark.skipif(
    not has_module("app_mono"),
    reason="it is compared with app_mono itself, which Kamailio 6 has no more: make test-debian12 has one",
)
_MADE_UP = (
    (re.compile(rb"branch=z9hG4bK[0-9a-f]{3,4}\.[^;\r\n]*"), b"branch=<BRANCH>"),
    (re.compile(rb"(?m)^(To:.*;tag=)[0-9a-f-]+\.[0-9a-f]+"), rb"\1<TAG>"),
    (re.compile(rb"(?m)^(To:.*;tag=)[0-9a-f]{32}-[0-9a-f]+"), rb"\1<TAG>"),
)
_ENTRY = re.compile(
    r"\d+\(\d+\) (\w+): (?:<?\w+>? \[[^]]+\]: (?:sr_mono_(?:log|err|dbg)|sr_kemi_core_log)\(\): "
    r"|<script>: (?=result of ))"
    r"(.*?)(?=\s*\d+\(\d+\) [A-Z]+: |\s*\Z)",
    re.DOTALL,
)


def routes(call: str, sink: int) -> str:
    """
    Every kind of route that app_mono may be used in.

    Args:
        call: The script's call, with ``{route}`` for the name of the route.
        sink: The UDP port on 127.0.0.1 where requests go.
    """

    def run(route: str) -> str:
        return (
            call.replace("{route}", route)
            + f'; $var(code) = $rc; xlog("L_NOTICE", "result of {route}: $var(code)\\n");'
        )

    return f"""
request_route {{
    if (is_method("ACK")) {{ t_check_trans(); exit; }}
    {run("request")}
    if (is_method("INVITE")) {{
        t_on_branch("each"); t_on_failure("failed"); t_on_reply("answered"); t_on_branch_failure("lost");
        $du = "sip:127.0.0.1:{sink}";
        t_relay();
        exit;
    }}
    forward_udp("127.0.0.1", {sink});
    sl_send_reply("200", "OK");
    exit;
}}
branch_route[each] {{ {run("branch")} }}
onreply_route[answered] {{ {run("reply")} }}
failure_route[failed] {{ {run("failure")} }}
event_route[tm:branch-failure:lost] {{ {run("event")} }}
onreply_route {{ {run("core_reply")} }}
"""


def embedded(script: Path, call: str, sink: int, port: int) -> str:
    """The configuration with app_mono itself."""
    load = f'modparam("app_mono", "load", "{script}")\n'
    return preamble(port, [*MODULES, "app_mono"], debug=3) + load + routes(call, sink)


def ours(load: Path, call: str, sink: int, port: int, python: str = "app_python3") -> str:
    """The configuration with a module that runs Python, and a script of it."""
    setting = f'modparam("{python}", "load", "{load}")\n'
    return preamble(port, [*MODULES, python], debug=3) + setting + routes(call, sink)


def built_for_app_mono(source: Path, directory: Path) -> Path:
    """Compile a script against the interface of Kamailio's own SR.dll, which comes to lie beside it."""
    directory.mkdir(parents=True, exist_ok=True)
    library = directory / "SR.dll"
    script = directory / f"{source.stem}.exe"
    for arguments in (
        ["-t:library", f"-out:{library}", str(OLD_SR)],
        [f"-r:{library}", f"-out:{script}", str(source)],
    ):
        subprocess.run([MCS, *arguments], check=True, capture_output=True)
    return script


class Place:
    """One port and two peers that both engines use, one after the other, so that nothing differs but the engine."""

    def __init__(self) -> None:
        self.port = free_udp_port()
        self.caller = Peer(self.port)
        self.sink = Peer(self.port)

    def close(self) -> None:
        self.caller.close()
        self.sink.close()

    def call(self, message: bytes, *, is_answered: bool = True) -> list[bytes]:
        """
        Send one request, and give what came out of it at both ends.

        A forwarded INVITE is declined with a 486, so that the routes for replies and failures run.
        """
        call_id = _line(message, b"Call-ID")
        self.caller.send(message)
        if not message.startswith(b"INVITE"):
            came = [_receive(self.sink, call_id)]
            if is_answered:
                came.append(_receive(self.caller, call_id))
            return came
        trying = _receive(self.caller, call_id)
        forwarded = self.sink.receive()
        while forwarded is not None and call_id not in forwarded:
            forwarded = self.sink.receive()
        assert forwarded is not None, "the INVITE did not go out"
        head = forwarded.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:]
        kept = [line for line in head if re.match(rb"(?i)(via|from|to|call-id|cseq|record-route)\s*:", line)]
        self.sink.send(b"\r\n".join([b"SIP/2.0 486 Busy Here", *kept, b"Content-Length: 0", b"", b""]))
        acknowledged = _receive(self.sink, call_id, beside=b"INVITE ")
        declined = _receive(self.caller, call_id)
        ack = b"\r\n".join([b"ACK sip:bob@example.com SIP/2.0", *message.split(b"\r\n")[1:]])
        self.caller.send(ack.replace(b"1 INVITE", b"1 ACK"))
        return [trying, _plain(forwarded), acknowledged, declined]


def _receive(peer: Peer, call_id: bytes, beside: bytes = b"\0") -> bytes:
    """
    The next message of this call; one of an earlier call (a second answer, for example) is passed over.

    So is one that begins with ``beside``: a request is sent again where its answer takes half a second.
    """
    message = peer.receive()
    while message is not None and (call_id not in message or message.startswith(beside)):
        message = peer.receive()
    return _plain(message)


def _line(message: bytes, name: bytes) -> bytes:
    return next(line for line in message.split(b"\r\n") if line.startswith(name + b":")) + b"\r\n"


def _plain(message: bytes | None) -> bytes:
    """A message without what every engine makes up anew."""
    for pattern, word in _MADE_UP:
        message = pattern.sub(word, message or b"nothing came")
    return message or b"nothing came"


def running(cfg: str, directory: Path, port: int, env: dict[str, str] | None = None) -> Kamailio:
    """A Kamailio whose scripts find the project and whose Python leaves no files."""
    return Kamailio(cfg, directory, port, {"PYTHONDONTWRITEBYTECODE": "1", **(env or {})})


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.close()


def logged(kamailio: Kamailio) -> list[str]:
    """What scripts logged, and results of routes: level and text; a script's text need not end with its line."""
    said = (f"{entry[1]} {entry[2]}" for entry in _ENTRY.finditer(kamailio.log()))
    return [entry for entry in said if " app_mono: " not in entry]
