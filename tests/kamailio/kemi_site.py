"""kamailio/kemi_csharp.cfg as an administrator installs it, with a routing script in each language."""

from __future__ import annotations

import itertools
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from runner.build import SOURCES, compile_script
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, has_module
from tests.kamailio.test_app_mono import KAMCMD
from tests.places import ROOT
from tests.programs import WAIT_S
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

CFG = ROOT / "kamailio" / "kemi_csharp.cfg"
PEERS = ROOT / "bench" / "peers"
LOADED = '"/usr/share/app-mono/kamailio/app_mono_kemi.py"'
LISTENS = "listen=udp:127.0.0.1:5060"
QUIET = "disable_tcp=yes\ndns=no\nrev_dns=no\nauto_aliases=no\nlog_stderror=yes"
TROUBLES = ("ERROR", "CRITICAL", "Traceback")
PATIENT = (
    "spare_workers = 0\nexec_timeout_s = 20.0\nfirst_exec_timeout_s = 20.0\nallocate_timeout_s = 20.0\nmax_workers = 12"
)
IN_C_SHARP = {"registrar": ROOT / "kamailio" / "Registrar.cs", "calls": PEERS / "Calls.cs"}


@dataclass(frozen=True)
class Engine:
    """A language: the module of Kamailio, its ``cfgengine``, and how the names of its scripts end; "" is C#."""

    module: str
    cfgengine: str
    suffix: str

    @property
    def marks(self) -> list[pytest.MarkDecorator]:
        """Skips it where Kamailio has no such module."""
        return [pytest.mark.skipif(not has_module(self.module), reason=f"this Kamailio has no {self.module}")]

    def cfg(self, load: Path, port: int, ctl: Path, children: int, change: dict[str, str]) -> str:
        """The worked example's configuration with this engine."""
        text = CFG.read_text("utf-8")
        changes = change | {
            LISTENS: f'listen=udp:127.0.0.1:{port}\n{QUIET}\nloadmodule "ctl.so"\n'
            f'modparam("ctl", "binrpc", "unix:{ctl}")',
            "children=4": f"children={children}",
            LOADED: f'"{load}"',
            'loadmodule "app_python3.so"': f'loadmodule "{self.module}.so"',
            'modparam("app_python3"': f'modparam("{self.module}"',
            'cfgengine "python"': f'cfgengine "{self.cfgengine}"',
        }
        for there, here in changes.items():
            assert text.count(there) == 1, there
            text = text.replace(there, here)
        return text


ENGINES = {
    "C#": Engine("app_python3", "python", ""),
    "C#, app_python3s": Engine("app_python3s", "python", ""),
    "Python": Engine("app_python3", "python", ".py"),
    "Lua": Engine("app_lua", "lua", ".lua"),
}


class Site:
    """
    A Kamailio with one engine, and a caller; a daemon where the engine is ours.

    Args:
        engine: Of ``ENGINES``.
        directory: For their files.
        stack: Ends them.
        script: Of ``IN_C_SHARP``, or a source or script in any language.
        children: Of Kamailio. With more than one a BYE may overtake its ACK.
        settings: Of the daemon.
        daemon: Whether there is one.
        change: What stands in another one's place in the configuration.
    """

    def __init__(
        self,
        engine: Engine,
        directory: Path,
        stack: ExitStack,
        script: str | Path = "registrar",
        *,
        children: int = 1,
        settings: str = PATIENT,
        daemon: bool = True,
        change: dict[str, str] | None = None,
    ) -> None:
        self._module = engine.module
        self._ctl = directory / "ctl.sock"
        self.port = free_udp_port()
        directory.mkdir(exist_ok=True)
        self.daemon: RunningDaemon | None = None
        load, env = PEERS / f"{script}{engine.suffix}", {}
        if not engine.suffix:
            source = IN_C_SHARP[script] if isinstance(script, str) else script
            made = compile_script(source) if source.suffix in SOURCES else source
            self.script = directory / "scripts" / f"{source.stem}{made.suffix}"
            self.daemon = RunningDaemon(directory, f'load = "{self.script}"\n{settings}')
            self.script.write_bytes(made.read_bytes())
            if daemon:
                stack.enter_context(self.daemon)
            load, env = ROOT / "kamailio" / "app_mono_kemi.py", {"APP_MONO_CONFIG": str(self.daemon.config)}
        cfg = engine.cfg(load, self.port, self._ctl, children, change or {})
        self.kamailio = stack.enter_context(Kamailio(cfg, directory / "kamailio", self.port, env))
        self.peer = stack.enter_context(Peer(self.port))
        self.came: list[str] = []  # status lines, of the last ``asked``
        self._numbers = itertools.count(1)

    def send(self, method: str, uri: str, headers: str = "") -> str:
        """Send a request; gives its Call-ID. A header in ``headers`` takes the place of the one of that name."""
        call_id = f"asked-{next(self._numbers)}"
        names = {line.partition(":")[0] for line in headers.split("\r\n") if line}
        first, *lines = self.peer.request(method, uri, call_id=call_id).decode().split("\r\n")
        kept = [line for line in lines[:-2] if line.partition(":")[0] not in names]
        self.peer.send("\r\n".join([first, *kept, f"{headers}", ""]).encode())
        return call_id

    def asked(self, method: str, uri: str, headers: str = "", timeout_s: float = WAIT_S) -> str | None:
        """
        Send a request; gives the status line of its final reply without the version; None when none came.

        Replies to earlier INVITEs are passed over: nobody acknowledges them, so Kamailio sends them again and again.
        """
        call_id = self.send(method, uri, headers)
        self.came = []
        while True:
            reply = self.peer.receive(timeout_s)
            if reply is None:
                return None
            is_its_own = f"Call-ID: {call_id}\r\n".encode() in reply
            if not is_its_own and b" INVITE\r\n" in reply:
                continue
            self.came.append(reply.split(b"\r\n")[0].decode().removeprefix("SIP/2.0 "))
            if is_its_own and not self.came[-1].startswith("1"):
                return self.came[-1]

    def troubles(self) -> list[str]:
        """What Kamailio logged as an error; a user's limit of cores is none."""
        lines = [line for line in self.kamailio.log().splitlines() if "set_core_dump()" not in line]
        return [line for line in lines if any(word in line for word in TROUBLES)]

    def reload(self) -> None:
        """Let Kamailio load the Python file again."""
        command = "app_python.reload" if self._module == "app_python3" else f"{self._module}.reload"
        subprocess.run([KAMCMD, "-s", f"unix:{self._ctl}", command], check=True, capture_output=True, timeout=WAIT_S)
