"""A Kamailio with one module more, in which every function is called through ModF, one request each."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Self

from tests.kamailio.modules import BASE, STARTS, Start
from tests.kamailio.rig import MODULES, Kamailio, Peer, free_udp_port, preamble

if TYPE_CHECKING:
    from pathlib import Path

from tests.kamailio.routes import HERE

SCRIPT = HERE / "calls_modf.py"
LOST_S = 10.0

SDP = (
    "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"
)
HEP = b"\x01\x10\x02\x11\x00\x09\x00\x09\x7f\x00\x00\x01\x7f\x00\x00\x01"  # version 1, IPv4, UDP
REQUESTS = {
    "no body": ("OPTIONS", "", ""),
    "a body": ("INVITE", "Contact: <sip:alice@127.0.0.1:9>\r\nContent-Type: application/sdp\r\n", SDP),
    "an odd body": ("MESSAGE", "Content-Type: text/plain\r\nRoute: <sip:127.0.0.1:9;lr>\r\n", "x"),
    "a registration": ("REGISTER", "Contact: <sip:alice@127.0.0.1:9>;expires=60\r\nExpires: 60\r\n", ""),
    "a subscription": ("SUBSCRIBE", "Contact: <sip:alice@127.0.0.1:9>\r\nEvent: presence\r\nExpires: 9\r\n", ""),
}


class Caller:
    """One running Kamailio for one module. A context manager."""

    def __init__(self, module: str, directory: Path, *, method: str = "modf") -> None:
        start = STARTS.get(module, Start())
        self.module = module
        self._envelope = HEP if start.hep else b""
        self._serial = 0
        port = free_udp_port()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in start.files:
            (directory / name).write_text(text.replace("{place}", str(directory)), "utf-8")
        self._peer = Peer(port)
        self._sink = Peer(port)
        modules = [*dict.fromkeys([*BASE, *start.needs, *([] if module == "app_python3" else [module]), "app_python3"])]
        modules = [name for name in modules if (MODULES / f"{name}.so").exists()]
        parameters = "\n".join(_parameter(line) for line in start.parameters.splitlines())
        cfg = f"""{preamble(port, modules, debug=-1)}
{"disable_tcp=no" if start.tcp else ""}
{parameters.replace("{place}", str(directory)).replace("{port}", str(port))}
modparam("app_python3", "load", "{SCRIPT}")
request_route {{
    if (is_method("ACK")) {{ exit; }}
    if ($hdr(X-Do) == "exports") {{ python_exec("exports", "{directory}/exports.json"); exit; }}
    python_exec("{method}", "$hdr(X-Function)");
    forward_udp("127.0.0.1", {self._sink.port});
    sl_send_reply("200", "OK");
    python_exec("over");
}}
{start.routes}
"""
        self.kamailio = Kamailio(
            cfg,
            directory,
            port,
            {"PYTHONDONTWRITEBYTECODE": "1", "REPORT_TO": str(self._socket.getsockname()[1])},
        )

    def __enter__(self) -> Self:
        try:
            self.kamailio.__enter__()
        except BaseException:
            self.kamailio.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kamailio.__exit__()
        for peer in (self._peer, self._sink, self._socket):
            peer.close()

    def names(self) -> list[str]:
        """All names that the module exports."""
        self._send("OPTIONS", "X-Do: exports\r\n", "")
        assert self._hears() is not None, self.kamailio.log()[-2000:]
        rows = json.loads((self.kamailio.directory / "exports.json").read_text("ascii"))
        return [name for module, name in rows if module == self.module]

    def call(self, name: str, request: str) -> int | None:
        """The value of one call, None when no value came or the server did not go on to the end of the route."""
        method, headers, body = REQUESTS[request]
        self._send(method, f"X-Function: {name}\r\n{headers}", body)
        told = self._hears()
        if told is None or told[0] != name:
            return None
        value = int(str(told[1]))
        return value if self._hears() == ["over", 0] and self.kamailio.is_alive else None

    def _send(self, method: str, headers: str, body: str) -> None:
        self._serial += 1
        request = self._peer.request(method, headers=headers, call_id=f"{self.module}-{self._serial}")
        head = request.replace(b"Content-Length: 0", f"Content-Length: {len(body)}".encode())
        self._peer.send(self._envelope + head + body.encode())

    def _hears(self) -> list[object] | None:
        for _ in range(int(LOST_S * 10)):
            self._socket.settimeout(0.1)
            try:
                told: list[object] = json.loads(self._socket.recv(65536))
            except TimeoutError:
                if not self.kamailio.is_alive:
                    return None
                continue
            return told
        return None


def _parameter(line: str) -> str:
    *module, name, value = line.split("|")
    quoted = value if value.isdecimal() else f'"{value}"'
    return f'modparam("{"|".join(module)}", "{name}", {quoted})'
