"""What ``tools.chaos`` injects: the site that everything happens to, and every kind of fault by name."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from runner.build import ensure_bridge
from runner.control.connection import PROTOCOL, Control, ControlError, ask
from runner.control.kinds import MAX_COUNT
from runner.errors import RunnerError
from runner.runtimes import java
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, preamble
from tests.places import ROOT
from tests.programs import MCS, WAIT_S
from tests.running_daemon import ENVIRONMENT, RunningDaemon, app_mono

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

CHILDREN = 4
AWHILE_S = 0.1  # for which a file is not what it should be
FROZEN_S = 0.4
CALLERS = 20
WITHOUT_S = 0.3  # room, or descriptors
UNKNOWN = 200  # scripts that do not exist
CLIENT = """
import sys, time
from runner.client.lease import Lease
from runner import MessageHost
host = MessageHost(sys.argv[3].encode())
print("begins", flush=True)
Lease(sys.argv[1]).exec(sys.argv[2], None, host, time.monotonic() + 10)
"""
LOOPING = "OPTIONS sip:loops@example.com SIP/2.0\r\nCall-ID: killed\r\n\r\n"
SCRIPTS = Path(__file__).parent / "chaos_scripts"
RUNTIMES = {"mono": (".cs", ".exe"), "python": (".py", ".py"), "node": (".js", ".js"), "java": (".java", ".class")}
"""How the source of the script that misbehaves ends, and how that which is run of it."""
WITHOUT_MAIN = {
    ".cs": "public class Library { }\n",
    ".py": "x = 1\n",
    ".js": "exports.x = 1;\n",
    ".java": "public class Chaos { }\n",
}
NUMBER = "0000"  # of a build, in the sources
SETTINGS = "num_workers = 4\nmax_workers = 10\nallocate_timeout_s = 0.4\nexec_timeout_s = 0.4\npoison_losses = 0"
WORKERS = "\n[runtimes.{}]\nnum_workers = 4"
# What runs the script: a line of kamailio.cfg's own language, or Kamailio itself, as its routing script (KEMI).
ROUTES = {
    "cfg": """
modparam("app_python3", "load", "{kamailio}/app_mono.py")
request_route {{
    if (python_exec("mono_exec", "{script}")) sl_send_reply("200", "OK");
    else sl_send_reply("200", "False");
}}
""",
    "kemi": """
modparam("app_python3", "load", "{kamailio}/app_mono_kemi.py")
cfgengine "python"
""",
}


@contextlib.contextmanager
def small_file_system(place: Path) -> Iterator[bool]:
    """A file system of its own at ``place``, so that it can be filled; False where it may not be mounted."""
    command = ["mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=16384", "tmpfs", str(place)]
    is_mounted = subprocess.run(command, capture_output=True, check=False, timeout=WAIT_S).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(place)], check=True, timeout=WAIT_S)  # noqa: S607  # from PATH


class Site:
    """
    The Kamailio, the daemon and the script that everything happens to.

    Args:
        directory: For everybody's files.
        stack: Ends what this starts.
        can_be_full: Whether the daemon's temporary directory is a small file system of its own.
        route: Of ``ROUTES``.
        runtime: Of ``RUNTIMES``.
    """

    settings = SETTINGS

    def __init__(self, directory: Path, stack: ExitStack, *, can_be_full: bool, route: str, runtime: str) -> None:
        self.directory = directory
        self.can_be_full = can_be_full
        self.temporary = directory / "tmp"
        source, compiled = RUNTIMES[runtime]
        self.script = directory / "scripts" / f"Chaos{compiled}"
        load = f'\nload = "{self.script}"' if route == "kemi" else ""
        workers = "" if runtime == "mono" else WORKERS.format(runtime)
        self.http = directory / "http.sock"
        eyes = f'\nhttp = "{self.http}"\nslow_exec_s = 0.05\nexec_log = "{directory}/execs.jsonl"'
        self.daemon = RunningDaemon(directory, self.settings + eyes + load + workers, {"TMPDIR": str(self.temporary)})
        self.builds = 0
        self.library = self._made(source, WITHOUT_MAIN[source], "-t:library")
        self._first = self._made(source, (SCRIPTS / f"Chaos{source}").read_text("utf-8"))
        self.build()
        stack.enter_context(self.daemon)
        self.port = free_udp_port()
        cfg = preamble(self.port, ["kex", "sl", "pv", "app_python3"], children=CHILDREN)
        cfg += ROUTES[route].format(kamailio=ROOT / "kamailio", script=self.script)
        env = {"APP_MONO_CONFIG": str(self.daemon.config)}
        self.kamailio = stack.enter_context(Kamailio(cfg, directory / "kamailio", self.port, env))

    def build(self) -> None:
        """Put the script back, whatever is in its place, as a new build."""
        self.builds += 1
        new, encoding = self.script.with_suffix(".new"), "utf-16-le" if self.script.suffix == ".exe" else "utf-8"
        new.write_bytes(self._first.replace(NUMBER.encode(encoding), f"{self.builds:04}".encode(encoding)))
        with contextlib.suppress(OSError):
            self.script.rmdir()
        new.rename(self.script)

    def _made(self, suffix: str, text: str, *options: str) -> bytes:
        """What is run of a source: itself, or what its compiler makes of it; ``options`` are those of mcs."""
        if suffix == self.script.suffix:
            return text.encode("utf-8")
        source, made = self.directory / f"Chaos{suffix}", self.directory / self.script.name
        source.write_text(text, "utf-8")
        if suffix == ".java":
            command = ["javac", "-cp", str(java.ensure().sr), "-d", str(self.directory), str(source)]
        else:
            built = ensure_bridge()
            command = [MCS, f"-r:{built.sr_dll}", f"-r:{built.ksr_dll}", *options, f"-out:{made}", str(source)]
        subprocess.run(command, check=True, capture_output=True)
        return made.read_bytes()

    def killed(self) -> int:
        """How many workers of all daemons until now have ended in another way than by being retired."""
        log = self.daemon.log()
        return log.count("started worker ") - log.count("retired worker ") - len(self.workers())

    def workers(self) -> list[int]:
        """The daemon's workers, those that are lent first."""
        told = app_mono("workers", "--json", "--socket", str(self.daemon.socket))
        found = [worker for worker in json.loads(told.stdout or "[]") if not worker["node"]]
        return [worker["pid"] for worker in sorted(found, key=lambda worker: not worker["client"])]

    def places(self) -> list[Path]:
        """Where nothing may be left."""
        return [self.temporary]

    def logs(self) -> str:
        """What everybody logged."""
        return f"{self.daemon.log()}\n{self.kamailio.log()}"

    def request(self, user: str) -> None:
        """One request whose script misbehaves; the process that takes it answers no other meanwhile."""
        with Peer(self.port) as peer:
            peer.send(peer.request(uri=f"sip:{user}@example.com", call_id=f"{user}-{time.monotonic_ns()}"))
            peer.receive(2.0)


class Faults:
    """Every kind of fault, by name."""

    def __init__(self, site: Site, numbers: random.Random) -> None:
        self._site = site
        self._numbers = numbers
        self.kinds: dict[str, Callable[[], None]] = {
            "worker SIGKILL": lambda: self._worker(signal.SIGKILL),
            "worker SIGSEGV": lambda: self._worker(signal.SIGSEGV),
            "worker SIGSTOP": lambda: self._worker(signal.SIGSTOP),
            "daemon SIGKILL and start": lambda: self._restart(signal.SIGKILL),
            "daemon drained and start": lambda: self._restart(signal.SIGTERM),
            "daemon SIGSTOP for a while": self._freeze,
            "script replaced": self._replaced,
            "script half written": self._half_written,
            "script deleted and back": self._deleted,
            "script throws": lambda: self._site.request("throws"),
            "script loops": lambda: self._site.request("loops"),
            "script exits": lambda: self._site.request("exits"),
            "script kills itself": lambda: self._site.request("dies"),
            "script leaves threads": lambda: self._site.request("threads"),
            "script nests directories": lambda: self._site.request("nests"),
            "script floods the log": lambda: self._site.request("floods"),
            "script without Main": lambda: self._in_its_place(lambda path: path.write_bytes(self._site.library)),
            "a directory for a script": lambda: self._in_its_place(Path.mkdir),
            "a FIFO for a script": lambda: self._in_its_place(os.mkfifo),
            "a symlink to itself": lambda: self._in_its_place(lambda path: path.symlink_to(path)),
            "client SIGKILL in mid exec": self._killed_client,
            "client leases and vanishes": self._vanish,
            "client forges reports": self._forge,
            "client names unknown scripts": self._unknown,
            "garbage on the control socket": self._garbage,
            "200 connections to the daemon": self._storm,
            "daemon SIGSTOP with 20 callers": self._freeze_with_callers,
            "daemon out of descriptors": self._no_descriptors,
        }
        if site.can_be_full:
            self.kinds["file system full"] = self._full

    def _worker(self, number: signal.Signals) -> None:
        workers = self._site.workers()[:CHILDREN]
        if workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._numbers.choice(workers), number)

    def _restart(self, number: signal.Signals) -> None:
        self._site.daemon.signal(number)
        self._site.daemon.wait()
        self._site.daemon.start()

    def _freeze(self) -> None:
        self._site.daemon.signal(signal.SIGSTOP)
        time.sleep(FROZEN_S)
        self._site.daemon.signal(signal.SIGCONT)

    def _freeze_with_callers(self) -> None:
        self._site.daemon.signal(signal.SIGSTOP)
        with contextlib.ExitStack() as stack:
            for number in range(CALLERS):
                with contextlib.suppress(OSError):
                    sock = stack.enter_context(socket.socket(socket.AF_UNIX))
                    sock.settimeout(0.2)
                    sock.connect(str(self._site.daemon.socket))
                    sock.send(b'{"jsonrpc":"2.0","id":1,"method":"status","params":{}}\n'[: 5 * number])
            time.sleep(FROZEN_S)
        self._site.daemon.signal(signal.SIGCONT)

    def _no_descriptors(self) -> None:
        pid = self._site.daemon.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))
        self._site.build()
        time.sleep(WITHOUT_S)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))

    def _full(self) -> None:
        big = self._site.temporary / "big"
        with contextlib.suppress(OSError), big.open("wb", buffering=0) as file:
            while file.write(b"x" * 65536):
                pass
        self._site.build()
        time.sleep(WITHOUT_S)
        big.unlink()

    def _in_its_place(self, make: Callable[[Path], object]) -> None:
        self._site.script.unlink(missing_ok=True)
        make(self._site.script)
        time.sleep(AWHILE_S)
        self._site.build()

    def _killed_client(self) -> None:
        command = [sys.executable, "-c", CLIENT, str(self._site.daemon.socket), str(self._site.script), LOOPING]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT) as client:
            assert client.stdout is not None
            client.stdout.readline()
            time.sleep(AWHILE_S)
            client.kill()

    def _vanish(self) -> None:
        deadline = time.monotonic() + 1
        with contextlib.suppress(ControlError, RunnerError), contextlib.ExitStack() as stack:
            control = stack.enter_context(contextlib.closing(Control.connect(str(self._site.daemon.socket), deadline)))
            ask(control, "hello", {"protocol": PROTOCOL, "have": None}, deadline)
            ask(control, "lease", {"path": str(self._site.script), "have": None}, deadline)

    def _forge(self) -> None:
        """Send false reports: of its own lease, of leases that it guesses, and of builds that were not rejected."""
        deadline = time.monotonic() + 1
        with contextlib.suppress(ControlError, RunnerError), contextlib.ExitStack() as stack:
            control = stack.enter_context(contextlib.closing(Control.connect(str(self._site.daemon.socket), deadline)))
            ask(control, "hello", {"protocol": PROTOCOL, "have": None}, deadline)
            script = str(self._site.script)
            answer = ask(control, "lease", {"path": script, "have": None}, deadline)
            generation, own = answer["generation"]["id"], (answer["worker"] or {"lease": "0"})["lease"]
            forged = {"execs": MAX_COUNT, "loads": MAX_COUNT, "loaded": {"/x.exe": "0" * 32}, "bound": {"H": "0" * 64}}
            for lease in ("0" * len(own), "f" * len(own), own):
                report = {**forged, "lease": lease, "retire_reason": "memory"}
                retire = {"lease": lease, "reason": "forged", "call_id": "x", "is_stuck": False, "taken_by": generation}
                control.send({"method": "report", "params": report}, deadline)
                for _ in range(6):
                    if lease != own:
                        control.send({"method": "retire", "params": retire}, deadline)
            rejected = {"generation": generation, "message": "forged", "detail": ""}
            ask(control, "lease", {"path": script, "have": None, "rejected": rejected}, deadline)

    def _unknown(self) -> None:
        deadline = time.monotonic() + 2
        with contextlib.suppress(ControlError), contextlib.ExitStack() as stack:
            control = stack.enter_context(contextlib.closing(Control.connect(str(self._site.daemon.socket), deadline)))
            ask(control, "hello", {"protocol": PROTOCOL, "have": None}, deadline)
            for number in range(UNKNOWN):
                with contextlib.suppress(RunnerError):
                    path = f"{self._site.daemon.scripts}/{time.monotonic_ns()}-{number}{self._site.script.suffix}"
                    ask(control, "lease", {"path": path, "have": None}, deadline)

    def _replaced(self) -> None:
        self._site.build()

    def _half_written(self) -> None:
        whole = self._site.script.read_bytes()
        self._site.script.write_bytes(whole[: len(whole) // 2])
        time.sleep(AWHILE_S)
        self._site.build()

    def _deleted(self) -> None:
        self._site.script.unlink()
        time.sleep(AWHILE_S)
        self._site.build()

    def _garbage(self) -> None:
        for data in (os.urandom(300), b'{"jsonrpc":"2.0","id":1}\n', b"[" * 5000, b'{"half'):
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(0.2)
                sock.connect(str(self._site.daemon.socket))
                sock.send(data)

    def _storm(self) -> None:
        socks = []
        with contextlib.suppress(OSError):
            for _ in range(200):
                socks.append(socket.socket(socket.AF_UNIX))
                socks[-1].settimeout(0.2)
                socks[-1].connect(str(self._site.daemon.socket))
        for sock in socks:
            sock.close()
