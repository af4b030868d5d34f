"""The sides of a SIP transaction: each is a Kamailio of its own with one route, and what works for it."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench.lanes import LANES
from bench.library import built
from tests.kamailio.rig import Kamailio, Peer, free_udp_port, has_module, preamble
from tests.kamailio.routes import built_for_app_mono
from tests.places import ROOT
from tests.running_daemon import RunningDaemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import ExitStack

OURS = ROOT / "kamailio" / "app_mono.py"
PEERS = ROOT / "bench" / "peers"
MODULES = ("kex", "sl", "pv", "textops")
WINDOW, BATCH = 32, 8  # for the throughput: requests in flight, and requests sent in one call
UDP_SEGMENT = 103
SATURATED_S = 2.0
CPU_REQUESTS = 4000
COLD_SIZE = 2  # a cold mono takes as long as a hundred requests
SCRIPTS = {"3 calls": "Three", "15 calls": "Fifteen"}
FEW, MANY = SCRIPTS
NO_SCRIPT, EMPTY_CALL, COLD = "no script", "empty Python call", "cold process"
IN_PROCESS = ("embedded", "app_python3", "app_lua")
DEFAULT = next(iter(LANES))
BY_THE_KERNEL = f"{DEFAULT}, placed by the kernel"


@dataclass(slots=True)
class Side:
    """
    One Kamailio, and the processes that work for it.

    Attributes:
        kamailio, peer, daemon: What runs; no daemon where none is needed.
        loaded_s, generator_s: What ``saturate`` notes.
        most: Requests in a block of a side that is slow; None: as many as are asked for.
    """

    kamailio: Kamailio
    peer: Peer
    daemon: RunningDaemon | None = None
    loaded_s: list[float] = field(default_factory=list)
    generator_s: list[float] = field(default_factory=list)
    most: int | None = None

    def processes(self) -> list[int]:
        """The processes of Kamailio, of the daemon and of its workers."""
        pids = [self.kamailio.pid, *self.kamailio.children()]
        if self.daemon is not None:
            path = Path(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children")
            pids += [self.daemon.pid, *map(int, path.read_text(encoding="ascii").split())]
        return pids

    def threads(self) -> Iterator[int]:
        """The threads of all of them."""
        for pid in self.processes():
            with contextlib.suppress(OSError):
                yield from map(int, os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 - names are all that is wanted

    def cpu_s(self) -> float:
        """CPU time until now, from schedstat."""
        used = 0
        for thread in self.threads():
            with contextlib.suppress(OSError):
                used += int(Path(f"/proc/{thread}/schedstat").read_text(encoding="ascii").split()[0])
        return used / 1e9

    def place(self, cpus: set[int]) -> None:
        """Keep all of them on these CPUs."""
        for thread in self.threads():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(thread, cpus)

    def requests(self) -> Callable[[int], list[float]]:
        """A side for ``alternate``: one OPTIONS after another."""
        request = self.peer.request()

        def block(count: int) -> list[float]:
            times = []
            for _ in range(min(count, self.most or count)):
                began = time.perf_counter()
                reply = self.peer.ask(request)
                times.append(time.perf_counter() - began)
                assert reply is not None, self.kamailio.log()
            return times

        return block

    def saturate(self) -> list[float]:
        """
        Requests answered in a second, with up to ``WINDOW`` in flight all the time; one value of a side for ``rounds``.

        The generator's own CPU time would distort the result, so it sends ``BATCH`` requests in one call, which the
        kernel splits (UDP_SEGMENT, udp(7)). Also notes the CPU time of a request, of the server and of the generator.
        """
        answered = 0
        before, own_before = self.cpu_s(), time.thread_time()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.connect(("127.0.0.1", self.kamailio.port))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 1, 0))
            request = self.peer.request().replace(b":%d;" % self.peer.port, b":%d;" % sock.getsockname()[1])
            sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(request))
            batch = request * BATCH
            for _ in range(WINDOW // BATCH):
                sock.send(batch)
            ends = time.perf_counter() + SATURATED_S
            while time.perf_counter() < ends:
                for _ in range(BATCH):
                    sock.recv(4096)
                answered += BATCH
                sock.send(batch)
        self.loaded_s.append((self.cpu_s() - before) / answered)
        self.generator_s.append((time.thread_time() - own_before) / answered)
        return [answered / SATURATED_S]

    def cpu_of_a_request_s(self) -> list[float]:
        """CPU time of one request, all processes together; one value of a side for ``rounds``."""
        before = self.cpu_s()
        self.requests()(CPU_REQUESTS)
        return [(self.cpu_s() - before) / CPU_REQUESTS]


class Rig:
    """
    Starts sides, which end with the stack.

    Args:
        stack: Ends them.
        directory: Private to them.
        children: How many processes each Kamailio has for SIP.
        allocator: The manager of its memory (``kamailio -x``).
    """

    def __init__(self, stack: ExitStack, directory: Path, children: int, allocator: str) -> None:
        self._stack = stack
        self._directory = directory
        self._children = children
        self._manager = ("-x", allocator, "-X", allocator)

    def plain(self) -> dict[str, Side]:
        """No script."""
        return {NO_SCRIPT: self._start(NO_SCRIPT, (), "", "", runs=False)}

    def embedded(self, what: str) -> dict[str, Side]:
        """The old module; none where this Kamailio does not have it."""
        if not has_module("app_mono"):
            return {}
        script = built_for_app_mono(ROOT / "bench" / "scripts" / f"{SCRIPTS[what]}.cs", self._directory / "scripts")
        name, load = f"embedded, {what}", f'modparam("app_mono", "load", "{script}")'
        return {name: self._start(name, ("app_mono",), load, "mono_run();")}

    def in_process(self, what: str) -> dict[str, Side]:
        """The same calls in Kamailio's own Python and Lua."""
        route = SCRIPTS[what].lower()
        found = {f"app_python3, {what}": self._python(route)}
        if has_module("app_lua"):
            load = f'modparam("app_lua", "load", "{PEERS / "scripts.lua"}")'
            found[f"app_lua, {what}"] = self._start(f"lua-{route}", ("app_lua",), load, f'lua_run("{route}");')
        return found

    def empty_call(self) -> dict[str, Side]:
        """Into Python and back."""
        return {EMPTY_CALL: self._python("nothing", runs=False)}

    def cold(self) -> dict[str, Side]:
        """A new mono for each request, as with the module exec. Nobody answers the script; it only starts and ends."""
        call = f'exec_avp("mono {built(SCRIPTS[FEW])}", "$avp(x)");'
        side = self._start(COLD, ("exec",), "", call, runs=False)
        side.most = COLD_SIZE
        return {COLD: side}

    def ours(self, name: str, lane: str, what: str, placement: str = "together") -> dict[str, Side]:
        """A daemon with the script, and a Kamailio whose Python runs it by ``mono_run``, with this lane."""
        script = built_for_app_mono(ROOT / "bench" / "scripts" / f"{SCRIPTS[what]}.cs", self._directory / "scripts")
        place = self._directory / f"daemon {name}, {what}".replace(" ", "-")
        own = place / "scripts" / script.name  # a daemon runs what is in its script_dirs
        own.parent.mkdir(parents=True)
        own.write_bytes(script.read_bytes())
        workers = f"num_workers = {self._children + 1}\nmax_workers = {self._children + 2}\nexec_timeout_s = 5.0"
        config = f'load = "{own}"\nplacement = "{placement}"\n{workers}'
        daemon = self._stack.enter_context(RunningDaemon(place, config))
        env = {"APP_MONO_CONFIG": str(daemon.config), **LANES[lane]}
        name, load = f"{name}, {what}", f'modparam("app_python3", "load", "{OURS}")'
        return {name: self._start(name, ("app_python3",), load, 'python_exec("mono_run");', daemon=daemon, env=env)}

    def _python(self, method: str, *, runs: bool = True) -> Side:
        load = f'modparam("app_python3", "load", "{PEERS / "scripts.py"}")'
        return self._start(f"python-{method}", ("app_python3",), load, f'python_exec("{method}");', runs=runs)

    def _start(
        self,
        name: str,
        modules: tuple[str, ...],
        lines: str,
        call: str,
        *,
        runs: bool = True,
        daemon: RunningDaemon | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Side:
        port, place = free_udp_port(), self._directory / name.replace(" ", "-")
        cfg = preamble(port, [*MODULES, *modules], children=self._children) + lines
        cfg += f'\nrequest_route {{\n\t{call}\n\tsl_send_reply("200", "OK");\n}}\n'
        kamailio = self._stack.enter_context(Kamailio(cfg, place, port, env, self._manager))
        side = Side(kamailio, self._stack.enter_context(Peer(port)), daemon)
        reply = side.peer.ask(side.peer.request()) or b""
        assert (b"X-Script: ok" in reply) == runs, f"{name}: {reply!r}\n{kamailio.log()}"  # each does what it is for
        return side
