"""A Kamailio with more modules, whose functions are called through ModF or KSR, one request each."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import TYPE_CHECKING, Self

from tests.kamailio.modules import BASE, STARTS, Start
from tests.kamailio.rig import KAMAILIO, Kamailio, Peer, free_udp_port, preamble
from tests.kamailio.routes import HERE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SCRIPT = HERE / "calls_modf.py"
SDP = (
    "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)
CONTACT = "Contact: <sip:alice@127.0.0.1:9>;expires=60\r\n"
ROUTE = "Route: <sip:127.0.0.1:9;lr>\r\n"
REQUESTS = {
    "a request without a body": ("OPTIONS", "", ""),
    "a request with a body": ("INVITE", f"{CONTACT}Content-Type: application/sdp\r\n", SDP),
    "a routed request with an odd body": (
        "MESSAGE",
        "Content-Type: text/plain\r\nRoute: <sip:127.0.0.1:9;lr>\r\n",
        "x",
    ),
    "a registration": ("REGISTER", f"{CONTACT}Expires: 60\r\n", ""),
    "a subscription": ("SUBSCRIBE", f"{CONTACT}Event: presence\r\nExpires: 9\r\n", ""),
}
REPLY = "a reply"
LONGEST_S = 60.0  # a name may be asked of servers that do not answer; that Kamailio has ended is seen at once
_HEP = (
    b"\x01\x10\x02\x11\x00\x09\x00\x09\x7f\x00\x00\x01\x7f\x00\x00\x01"  # version 1: UDP between 127.0.0.1 and itself
)


class Caller:
    """
    One running Kamailio for one module. A context manager.

    Args:
        module: The module.
        directory: Private to it.
        method: Which method of the script makes the calls.
        script: Who has that method.
        beside: More modules.
        most_sets: About how many sets of arguments each function of KSR gets, of all.
    """

    def __init__(
        self,
        module: str,
        directory: Path,
        *,
        method: str = "modf",
        script: Path = SCRIPT,
        beside: Sequence[str] = (),
        most_sets: int = 1000,
    ) -> None:
        start = STARTS.get(module, Start())
        directory.mkdir(parents=True, exist_ok=True)
        self._port = port = free_udp_port()
        self.module = module
        self.requests = tuple(REQUESTS)[: 1 if start.is_slow else None]
        self._envelope = _HEP if start.hep else b""
        self._number = 0
        self._sink, self._peer = Peer(port), Peer(port)
        self._reports = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._reports.bind(("127.0.0.1", 0))
        cfg = f"""{configuration(module, directory, port, script=script, beside=beside)}
route[t] {{ return; }}
branch_route[t] {{ return; }}
failure_route[t] {{ return; }}
onreply_route[t] {{ return; }}
reply_route {{
    python_exec("{method}", "$hdr(X-Function)");
    python_exec("over");
}}
request_route {{
    if ($hdr(X-Do) == "exports") {{ python_exec("exports", "{directory}/exports.json"); exit; }}
    python_exec("{method}", "$hdr(X-Function)");
    forward_udp("127.0.0.1", {self._sink.port});
    sl_send_reply("200", "OK");
    python_exec("over");
}}
"""
        env = {"PYTHONDONTWRITEBYTECODE": "1", "REPORT_TO": str(self._reports.getsockname()[1])}
        env["MOST_SETS"] = str(5 if start.is_slow else most_sets)
        self.kamailio = Kamailio(cfg, directory, port, env)

    def __enter__(self) -> Self:
        try:
            self.kamailio.__enter__()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kamailio.__exit__()
        for peer in (self._peer, self._sink, self._reports):
            peer.close()

    def names(self) -> list[str]:
        """All names that the module exports, whatever parameters they have."""
        self._send("OPTIONS", "X-Do: exports\r\n", "")
        assert self._hear() is not None, self.kamailio.log()[-2000:]
        rows = json.loads((self.kamailio.directory / "exports.json").read_text("ascii"))
        return [name for module, name in rows if module == self.module]

    def call(self, name: str, request: str) -> int | None:
        """The value of one call; None when the server did not go on to the end of its routing script."""
        if request == REPLY:
            self._reply(name)
        else:
            method, headers, body = REQUESTS[request]
            self._send(method, f"X-Function: {name}\r\n{headers}", body)
        told = self._hear()
        if told is None or self._hear() != ["over", 0] or not self.kamailio.is_alive:
            return None
        assert told[0] == name
        return int(str(told[1]))

    def _send(self, method: str, headers: str, body: str) -> None:
        self._number += 1
        request = self._peer.request(method, headers=headers, call_id=f"{self.module}-{self._number}")
        head = request.replace(b"Content-Length: 0", f"Content-Length: {len(body)}".encode())
        self._peer.send(self._envelope + head + body.encode())

    def _reply(self, name: str) -> None:
        self._number += 1
        vias = "".join(
            f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK-{self._number}\r\n"
            for port in (self._port, self._sink.port)
        )
        lines = f"From: <sip:a@a>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: {self._number}\r\nCSeq: 1 INVITE\r\n"
        kind = f"X-Function: {name}\r\n{CONTACT}Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n"
        self._peer.send(f"SIP/2.0 200 OK\r\n{vias}{lines}{kind}{SDP}".encode())

    def _hear(self) -> list[object] | None:
        self._reports.settimeout(0.1)
        for _ in range(round(LONGEST_S / 0.1)):
            try:
                told: list[object] = json.loads(self._reports.recv(65536))
            except TimeoutError:
                if not self.kamailio.is_alive:
                    return None
            else:
                return told
        return None


def configuration(module: str, directory: Path, port: int, *, script: Path = SCRIPT, beside: Sequence[str] = ()) -> str:
    """The modules, their parameters and routes; what they need is written beside the configuration."""

    def placed(text: str) -> str:
        return text.replace("{place}", str(directory)).replace("{port}", str(port))

    starts = {name: STARTS.get(name, Start()) for name in (*beside, module)}
    for start in starts.values():
        for name, text in start.files:
            (directory / name).write_text(placed(text), "utf-8")
    needs = [need for start in starts.values() for need in start.needs]
    wanted = dict.fromkeys([*BASE, *needs, *(name for name in starts if name != "app_python3"), "app_python3"])
    parameters = dict.fromkeys(placed(line) for start in starts.values() for line in start.parameters.splitlines())
    return "\n".join(
        [
            preamble(port, wanted, debug=-1),
            "disable_tcp=no" if starts[module].tcp else "",
            "dns_retr_time=1\ndns_retr_no=1\ndns_use_search_list=no",
            *map(_parameter, parameters),
            f'modparam("app_python3", "load", "{script}")',
            *dict.fromkeys(start.routes for start in starts.values()),
        ]
    )


def would_run(module: str, directory: Path) -> list[str] | None:
    """What ModF would run of a module that does not start; None when it cannot even be loaded."""
    table = directory / "table.json"
    cfg = directory / "kamailio.cfg"
    # app_python3 comes first, so that its script reads the tables before the module fails to start.
    lines = [
        line for line in configuration(module, directory, free_udp_port()).splitlines() if "app_python3.so" not in line
    ]
    first = next(number for number, line in enumerate(lines) if line.startswith("loadmodule"))
    lines[first:first] = ['loadmodule "app_python3.so"']
    cfg.write_text("\n".join([*lines, "request_route { exit; }", ""]), "utf-8")
    subprocess.run(
        [str(KAMAILIO), "-f", str(cfg), "-DD", "-E", "-w", str(directory), "-Y", str(directory)],
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "TABLES_TO": str(table)},
        capture_output=True, timeout=LONGEST_S, check=False,
    )  # fmt: skip
    if not table.exists():
        return None
    return [name for owner, name in json.loads(table.read_text("ascii")) if owner == module]


def _parameter(line: str) -> str:
    *module, name, value = line.split("|")
    quoted = value if value.isdecimal() else f'"{value}"'
    return f'modparam("{"|".join(module)}", "{name}", {quoted})'
